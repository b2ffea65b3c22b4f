#include "services/scorer/tallies.h"
#include "base/bytes.h"
#include "base/err.h"
#include <stdlib.h>

static size_t slot_of(const struct tallies *t, uint32_t feeder)
{
    size_t at = hash_mix(feeder) & (t->slots - 1);
    while (t->slot[at] && t->row[t->slot[at] - 1].feeder != feeder)
        at = (at + 1) & (t->slots - 1);
    return at;
}

static void grow(struct tallies *t)
{
    t->capacity = t->capacity ? 2 * t->capacity : 8;
    t->slots = 2 * t->capacity;
    t->row = realloc(t->row, t->capacity * sizeof *t->row);
    free(t->slot);
    t->slot = calloc(t->slots, sizeof *t->slot);
    ASSERT(t->row && t->slot);
    for (size_t i = 0; i < t->count; i++)
        t->slot[slot_of(t, t->row[i].feeder)] = (uint32_t)i + 1;
}

struct tally_row *tallies_at(struct tallies *t, uint32_t feeder, uint64_t epoch)
{
    if (t->count == t->capacity)
        grow(t);
    size_t at = slot_of(t, feeder);
    if (!t->slot[at]) {
        t->row[t->count] = (struct tally_row){.feeder = feeder, .epoch = epoch};
        t->slot[at] = (uint32_t)++t->count;
    }
    struct tally_row *row = &t->row[t->slot[at] - 1];
    if (epoch > row->epoch)
        *row = (struct tally_row){.feeder = feeder, .epoch = epoch, .dirty = row->dirty};
    return epoch == row->epoch ? row : NULL;
}

void tallies_mark_dirty(struct tallies *t, struct tally_row *row)
{
    t->dirty += !row->dirty;
    row->dirty = true;
}

void tallies_clean(struct tallies *t)
{
    for (size_t i = 0; t->dirty && i < t->count; i++)
        t->row[i].dirty = false;
    t->dirty = 0;
}

void tallies_free(struct tallies *t)
{
    free(t->row);
    free(t->slot);
    *t = (struct tallies){0};
}
