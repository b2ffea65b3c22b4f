/* A submission made up by chance: mostly sound, now and then wrong in each of the ways that a feeder can be wrong. */
#pragma once
#include "door.pb-c.h"
#include "tests/sim/rng.h"

enum { DRAFT_ROWS = 6, DRAFT_NOTE_BYTES = 1024 };

struct draft {
    Parbus__Submission submission;
    uint32_t indicator[DRAFT_ROWS];
    double value[DRAFT_ROWS];
    int64_t row_observed_ms[DRAFT_ROWS];
    Parbus__Evidence evidence, *evidence_pointer;
    char note[DRAFT_NOTE_BYTES];
};

/* `id` makes it unlike any other of the run. wall_ms: about now. large: longer than the least submission_bytes_max. */
void draft_make(struct draft *d, struct rng *rng, const char *feeder, uint64_t id, int64_t wall_ms, bool large);
