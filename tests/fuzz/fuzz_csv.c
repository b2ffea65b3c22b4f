/* Whatever bytes come, the reader of long-form CSV gives rows and faults, each with its line, in order; and the same
 * ones however the bytes are cut into pieces, and however often a row is not taken at first. */
#include "base/bytes.h"
#include "base/err.h"
#include "csv/longform.h"
#include "fuzz.h"
#include <string.h>

struct seen {
    uint64_t digest;
    long line;
    unsigned refuse; /* every so-manieth row at first */
    unsigned offered;
};

static void mix(struct seen *s, const void *data, size_t bytes)
{
    s->digest = hash_mix(s->digest ^ hash_bytes(data, bytes));
}
static void mix_text(struct seen *s, const char *text) { mix(s, text, strlen(text) + 1); }

static void in_order(struct seen *s, long line)
{
    ASSERT(line >= s->line);
    s->line = line;
    mix(s, &line, sizeof line);
}

static bool on_row(void *ctx, const struct longform_row *row)
{
    struct seen *s = ctx;
    if (s->refuse && ++s->offered % s->refuse)
        return false;
    in_order(s, row->line);
    mix_text(s, row->index);
    mix_text(s, row->period);
    mix_text(s, row->unit);
    mix_text(s, row->indicator);
    mix_text(s, row->uri);
    mix(s, &row->value, sizeof row->value);
    mix(s, &row->observed_ms, sizeof row->observed_ms);
    return true;
}

static void on_fault(void *ctx, long line, const char *text)
{
    in_order(ctx, line);
    ASSERT(text[0]);
    mix_text(ctx, text);
}

static void feed(struct longform_reader *r, const char *at, size_t bytes, size_t piece)
{
    while (bytes) {
        size_t taken = longform_feed(r, at, piece < bytes ? piece : bytes);
        ASSERT(taken <= bytes);
        at += taken;
        bytes -= taken;
    }
    while (!longform_finish(r))
        continue;
}

static uint64_t read_in_pieces(const uint8_t *data, size_t bytes, size_t piece, unsigned refuse)
{
    struct seen seen = {.refuse = refuse};
    struct longform_options o = {.index = "pci", .ctx = &seen, .row = on_row, .fault = on_fault};
    struct longform_reader *r = longform_new(&o);
    feed(r, (const char *)data, bytes, piece);
    longform_destroy(&r);
    return seen.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint64_t whole = read_in_pieces(data, bytes, bytes + 1, 0);
    ASSERT(read_in_pieces(data, bytes, 1 + (bytes ? data[0] % 13u : 0), 0) == whole);
    ASSERT(read_in_pieces(data, bytes, 64, 3) == whole);
    return 0;
}
