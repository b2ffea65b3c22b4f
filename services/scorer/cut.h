/* What is handed over to be written to state, with copies of its own: whatever is in memory may change meanwhile, or be
 * forgotten. Private to the scorer. */
#pragma once
#include "base/buffer.h"
#include "services/scorer/core.h"

struct partition;

struct cut {
    struct state_work work;
    struct buffer claims, batches, values, scores, tallies, rejects; /* arrays of what state.h takes */
    struct buffer cells, points, details;                            /* what those point to, in their order */
};

void cut_begin(struct cut *c);
void cut_claim(struct cut *c, const struct partition *p);
/* All that is dirty, which stays so. */
void cut_effects(struct cut *c, const struct partition *p);
/* Makes the work of it. */
void cut_end(struct cut *c);
/* What the copies take. */
size_t cut_bytes(const struct cut *c);
void cut_free(struct cut *c);
