/* A ranking as `rank` and `watch` show it: a table for people, CSV or JSON for programs. */
#pragma once
#include <parbus/feed.h>
#include <stdio.h>

enum sheet_format { SHEET_TABLE, SHEET_CSV, SHEET_JSON };
/* "table", "csv", "json"; false: none of them. */
bool sheet_format_of(const char *word, enum sheet_format *format);

struct sheet { /* strings are the caller's */
    const char *index, *period, *title_vi, *title_en, *status;
    unsigned decimals, definition_version;
    int64_t points_max;
    size_t component_count;
    const char **component; /* codes of the top-level nodes */
    struct parbus_row *row; /* in print order */
    size_t count, capacity;
};

void sheet_add(struct sheet *s, const struct parbus_row *row);
void sheet_free(struct sheet *s);
/* The first `top` rows; 0: all. What is said of the whole ranking counts all rows. */
void sheet_print(const struct sheet *s, enum sheet_format format, size_t top, FILE *out);
