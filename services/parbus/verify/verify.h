/* Reads all of a directory's journal and state and finds out whether they are what was written: checksums, the chain of
 * commits, dense pseq, the index, controls, marks against records, state's rows and totals, state not ahead of the
 * journal. Nothing is written; the pipeline may be running. Whether state is what the journal gives, replay says. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct verify_facts {
    uint64_t journal_id, entries, submissions, controls, feeders;
    uint64_t journal_bytes, state_bytes; /* of records, of rows */
    uint64_t unchained;                  /* commits at the end that are not in the chain yet */
    bool state;                          /* there is one */
};

struct verify_options {
    const char *directory;
    bool still; /* a backup: nothing is made beside it */
    /* Called for what was read, between records; an error of it ends the reading. */
    enum err (*progress)(void *ctx, const char *what, uint64_t bytes, struct err_text *e);
    /* Hears of each damaged record of the journal, of each fault of state, and how many these are when the journal has
     * some, too. */
    void (*fault)(void *ctx, const char *sentence);
    void *ctx;
};

/* ERR_CORRUPT with the place, or how many records of the journal are damaged; ERR_NOT_FOUND: no journal. */
enum err verify_run(const struct verify_options *o, struct verify_facts *facts, struct err_text *e);
