#include "services/ingestor/tallies.h"
#include "base/err.h"
#include "services/ingestor/receipts.h"
#include <stdlib.h>

static struct kept_tally *kept(struct coordinator *c, uint32_t partition, uint32_t feeder)
{
    uint64_t key = (uint64_t)partition << 32 | feeder;
    uint32_t index;
    if (map_get(&c->tally_of, key, &index))
        return &c->tally[index];
    if (c->tally_count == c->tally_capacity) {
        c->tally_capacity = c->tally_capacity ? c->tally_capacity * 2 : 64;
        c->tally = realloc(c->tally, c->tally_capacity * sizeof *c->tally);
        ASSERT(c->tally);
    }
    index = (uint32_t)c->tally_count++;
    c->tally[index] = (struct kept_tally){0};
    map_put(&c->tally_of, key, index);
    return &c->tally[index];
}

static void take(struct coordinator *c, uint32_t partition, const Parbus__Tally *t)
{
    struct feeder *f = feeders_at(&c->door->feeders, t->feeder);
    if (!f || t->epoch != f->mark.epoch)
        return;
    struct kept_tally *k = kept(c, partition, t->feeder);
    if (k->epoch != t->epoch)
        *k = (struct kept_tally){.epoch = t->epoch}; /* the feeder's sum was cleared when its epoch began */
    /* I13: what was sent again counts rows and no submission. */
    if (t->scored < k->scored ||
        (t->scored == k->scored && t->accepted_rows + t->rejected_rows <= k->accepted_rows + k->rejected_rows))
        return;
    f->sum.scored += t->scored - k->scored;
    f->sum.accepted_rows += t->accepted_rows - k->accepted_rows;
    f->sum.rejected_rows += t->rejected_rows - k->rejected_rows;
    *k = (struct kept_tally){t->epoch, t->scored, t->accepted_rows, t->rejected_rows};
    receipts_totals_changed(c->door, t->feeder);
}

void tallies_take(struct coordinator *c, uint32_t partition, Parbus__Tally *const *tally, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take(c, partition, tally[i]);
}
