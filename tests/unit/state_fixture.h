/* States in a directory of their own, for the tests of state. */
#pragma once
#include "state/state.h"

enum { MIB = 1 << 20, LEAVES = 88, NODES = 135, SERIES = 2, UNIT = 17, STAGE = 1, JOURNAL = 5 };

extern char directory[64], other_directory[80]; /* the other is in the first, and not made */
extern struct state *s, *other;                 /* what is open is closed after the test */
extern struct err_text e;

/* Set-up and tear-down of each test. */
void make_directory(void);
void remove_directory(void);

enum err open_in(struct state **out, const char *where, bool writer, uint64_t journal_id, size_t map_bytes);
/* s, in `directory`, as a writer that follows JOURNAL. */
void open_writer(size_t map_bytes);
void own(struct state *in, uint32_t partition, uint64_t epoch);

/* Effects of one submission with reject, distinct by `pseq`. */
struct effects {
    struct cell cells[LEAVES];
    int64_t points[NODES];
    struct state_values_put values;
    struct unit_score scores;
    struct state_tally_put tally;
    struct state_reject_put reject;
};

struct state_batch make_batch(struct effects *f, uint32_t partition, uint64_t epoch, uint64_t pseq);
/* false: the partition is lost. */
bool commit_one(struct state *to, uint32_t partition, uint64_t epoch, uint64_t pseq);
uint64_t applied_of(uint32_t partition); /* in s */
