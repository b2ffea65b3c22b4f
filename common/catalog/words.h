/* The words of catalog files and their numbers, one table each. */
#pragma once
#include "catalog.pb-c.h"
#include <stddef.h>

struct word {
    const char *text;
    int number;
};
struct words {
    const char *what; /* "stage" */
    size_t count;
    const struct word *word;
};
extern const struct words words_stage, words_rule, words_aggregation, words_missing, words_status, words_period_kind;

/* -1: no such word. */
int words_number(const struct words *w, const char *text);
/* "?": no such number. */
const char *words_text(const struct words *w, int number);
/* "self, appraised_1, survey" */
void words_list(const struct words *w, char *out, size_t bytes);
