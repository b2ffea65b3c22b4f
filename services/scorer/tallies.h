/* Totals of each feeder's newest epoch in one partition (I13). Private to the scorer. */
#pragma once
#include "state/state.h"

struct tally_row {
    uint32_t feeder;
    uint64_t epoch;
    struct tally tally;
    bool dirty;
};

struct tallies {
    struct tally_row *row;
    size_t count, capacity;
    uint32_t *slot; /* hash -> row + 1 */
    size_t slots;
    size_t dirty;
};

/* Found or made; valid until the next call. A greater epoch than the row's begins at 0; of a smaller one: NULL (the
 * door lets none through; what is sent again by I19 may be of one, and nobody waits for its figures). */
struct tally_row *tallies_at(struct tallies *t, uint32_t feeder, uint64_t epoch);
void tallies_mark_dirty(struct tallies *t, struct tally_row *row);
void tallies_clean(struct tallies *t);
void tallies_free(struct tallies *t);
