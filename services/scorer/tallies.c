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
    if (epoch > row->epoch) {
        row->epoch = epoch;
        row->tally = (struct tally){0};
    }
    return epoch == row->epoch ? row : NULL;
}

void tallies_mark_dirty(struct tallies *t, struct tally_row *row)
{
    t->dirty += !row->dirty;
    row->dirty = true;
}

void tallies_load(struct tallies *t, uint32_t feeder, uint64_t epoch, const struct tally *tally)
{
    struct tally_row *row = tallies_at(t, feeder, epoch);
    if (!row)
        return;
    row->tally = *tally;
    row->committed = (struct tally_at){epoch, *tally};
    row->known = true;
}

void tallies_cut(struct tallies *t)
{
    for (struct tally_row *row = t->row; t->dirty; row++)
        if (row->dirty) {
            row->cut = (struct tally_at){row->epoch, row->tally};
            row->is_cut = true;
            row->dirty = false;
            t->dirty--;
            t->cut++;
        }
}

void tallies_committed(struct tallies *t)
{
    for (struct tally_row *row = t->row; t->cut; row++)
        if (row->is_cut) {
            row->committed = row->cut;
            row->known = row->changed = true;
            row->is_cut = false;
            t->cut--;
        }
}

void tallies_kept(struct tallies *t)
{
    for (struct tally_row *row = t->row; t->cut; row++)
        if (row->is_cut) {
            tallies_mark_dirty(t, row);
            row->is_cut = false;
            t->cut--;
        }
}

void tallies_told(struct tallies *t)
{
    for (size_t i = 0; i < t->count; i++)
        t->row[i].changed = false;
}

void tallies_free(struct tallies *t)
{
    free(t->row);
    free(t->slot);
    *t = (struct tallies){0};
}
