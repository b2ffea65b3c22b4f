/* Totals of each feeder's newest epoch in one partition (I13). Private to the scorer. */
#pragma once
#include "state/state.h"

struct tally_at {
    uint64_t epoch;
    struct tally tally;
};

struct tally_row {
    uint32_t feeder;
    uint64_t epoch;
    struct tally tally;             /* in memory */
    struct tally_at cut, committed; /* in the commit under way; in state */
    bool dirty, is_cut;             /* not handed over yet; in the commit under way */
    bool known, changed;            /* in state; since this was last told */
};

struct tallies {
    struct tally_row *row;
    size_t count, capacity;
    uint32_t *slot; /* hash -> row + 1 */
    size_t slots;
    size_t dirty, cut; /* rows that are */
};

/* The feeder's row, made when there is none; valid until the next call. With a greater epoch than the row's its figures
 * begin at 0. NULL for a smaller epoch: the door lets none through, but an entry that is sent again (I19) may be of
 * one, and nobody waits for its figures. */
struct tally_row *tallies_at(struct tallies *t, uint32_t feeder, uint64_t epoch);
void tallies_mark_dirty(struct tallies *t, struct tally_row *row);
/* As read from state. */
void tallies_load(struct tallies *t, uint32_t feeder, uint64_t epoch, const struct tally *tally);
/* What is dirty is in a commit under way; it is in state; or it is not, and dirty as before. */
void tallies_cut(struct tallies *t);
void tallies_committed(struct tallies *t);
void tallies_kept(struct tallies *t);
/* What was committed last has been told. */
void tallies_told(struct tallies *t);
void tallies_free(struct tallies *t);
