/* Long-form CSV, one observation a line, as it comes from spreadsheets and scripts, read in pieces of any size with
 * bounded memory. Whatever is wrong with a line is told with its number, and reading goes on.
 *
 *     index,period,unit,indicator,value,stage,observed_at,evidence
 *     pci,2013,Hà Nội,entry,7.42,,2013-11-02,https://example.org/report.pdf#sha256=0f3a…
 *
 * The first line that is not a comment names the columns, in any order; unit, indicator and value must be there, index
 * and period too unless they have a default; when it cannot be used, nothing else of the file is read. UTF-8, with or
 * without a byte order mark; lines end in LF or CR LF; blank lines and lines that begin with # are skipped. Quotes as
 * in RFC 4180, except that a quoted field ends on its line: a quote that is forgotten costs one line and not the rest
 * of the file. Numbers are decimal with a point, whatever the locale. */
#pragma once
#include "base/err.h"
#include "door.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LONGFORM_LINE_BYTES_MAX = 65536, LONGFORM_SHA256_BYTES = 32 };

struct longform_row { /* strings live until the callback returns; never NULL, uri may be empty */
    long line;
    const char *index, *period, *unit, *indicator, *uri;
    double value;
    Parbus__Stage stage; /* STAGE_UNKNOWN: not said */
    int64_t observed_ms;
    bool has_observed, has_sha256;
    uint8_t sha256[LONGFORM_SHA256_BYTES];
};

struct longform_options {
    const char *index, *period; /* where the column is absent or the field empty; NULL: none */
    Parbus__Stage stage;
    void *ctx;
    /* false: not now; the reader keeps it and asks again before it reads on. */
    bool (*row)(void *ctx, const struct longform_row *row);
    void (*fault)(void *ctx, long line, const char *text);
};

struct longform_reader;
/* The options' strings must live as long as the reader. */
struct longform_reader *longform_new(const struct longform_options *o);
void longform_destroy(struct longform_reader **r);
/* How many bytes it has read: all, or up to the end of the line whose row was not taken; the rest is to be fed then. */
size_t longform_feed(struct longform_reader *r, const char *data, size_t bytes);
/* Whether it has a row that was not taken; feeding it nothing offers that again, too. */
bool longform_keeps(const struct longform_reader *r);
/* The end of the file. false: a row was not taken; to be called again. */
bool longform_finish(struct longform_reader *r);

/* "self", "appraised_1" or "appraised", "appraised_2", "survey"; STAGE_UNKNOWN: none of them. */
Parbus__Stage longform_stage(const char *name);
const char *longform_stage_name(Parbus__Stage stage);

/* A piece of a stranger's text, fit to be shown: short, and without control characters. */
enum { LONGFORM_SHOWN_BYTES = 64 };
const char *longform_shown(const char *text, char shown[static LONGFORM_SHOWN_BYTES]);
