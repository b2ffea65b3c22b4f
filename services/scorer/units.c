#include "services/scorer/units.h"
#include "base/err.h"
#include "scoring/scoring.h"
#include <stdlib.h>
#include <string.h>

static uint64_t key_of(uint32_t series, uint32_t unit) { return (uint64_t)series << 32 | unit; }

struct cached_unit *units_find(const struct units *u, uint32_t series, uint32_t unit)
{
    uint32_t position;
    return map_get(&u->index, key_of(series, unit), &position) ? u->unit[position] : NULL;
}

void units_add(struct units *u, struct cached_unit *unit)
{
    if (u->count == u->capacity) {
        u->capacity = u->capacity ? 2 * u->capacity : 16;
        u->unit = realloc(u->unit, u->capacity * sizeof *u->unit);
        ASSERT(u->unit);
    }
    map_put(&u->index, key_of(unit->series, unit->unit), (uint32_t)u->count);
    u->unit[u->count++] = unit;
}

void units_drop_clean(struct units *u)
{
    for (size_t i = u->count; i-- > 0;) {
        struct cached_unit *unit = u->unit[i], *last = u->unit[u->count - 1];
        if (unit->touched || unit->dirty || unit->cut)
            continue;
        u->unit[i] = last;
        map_put(&u->index, key_of(last->series, last->unit), (uint32_t)i);
        map_remove(&u->index, key_of(unit->series, unit->unit));
        ASSERT(u->bytes >= unit->bytes);
        u->count--;
        u->bytes -= unit->bytes;
        unit_destroy(&unit);
    }
}

void units_free(struct units *u)
{
    for (size_t i = 0; i < u->count; i++)
        unit_destroy(&u->unit[i]);
    map_free(&u->index);
    free(u->unit);
    *u = (struct units){0};
}

static size_t touched_words(const struct definition *d) { return (d->leaf_count + 63) / 64; }

struct cached_unit *unit_new(const struct series *series, uint32_t unit)
{
    const struct definition *d = series->definition;
    size_t bytes = sizeof(struct cached_unit) + (d->node_count + d->leaf_count) * sizeof(int64_t) +
                   touched_words(d) * sizeof(uint64_t) + d->leaf_count;
    struct cached_unit *u = calloc(1, bytes);
    ASSERT(u);
    u->series = series->number;
    u->unit = unit;
    u->definition = d;
    u->bytes = bytes;
    u->points = (int64_t *)(void *)(u + 1);
    u->leaf_points = u->points + d->node_count;
    u->leaf_touched = (uint64_t *)(void *)(u->leaf_points + d->leaf_count);
    u->leaf_stage = (uint8_t *)(u->leaf_touched + touched_words(d));
    u->score.version = STATE_VERSION;
    u->score.node_count = (uint32_t)d->node_count;
    return u;
}

void unit_destroy(struct cached_unit **u)
{
    if (!*u)
        return;
    for (int stage = 0; stage < STAGES; stage++)
        free((*u)->cells[stage]);
    free(*u);
    *u = NULL;
}

struct cell *unit_cells(struct cached_unit *u, int stage)
{
    if (!u->cells[stage]) {
        u->cells[stage] = calloc(u->definition->leaf_count, sizeof(struct cell));
        ASSERT(u->cells[stage]);
        u->bytes += u->definition->leaf_count * sizeof(struct cell);
    }
    return u->cells[stage];
}

static void touch(struct cached_unit *u, uint32_t leaf) { u->leaf_touched[leaf / 64] |= 1ull << leaf % 64; }

void unit_touch_all(struct cached_unit *u)
{
    for (uint32_t leaf = 0; leaf < u->definition->leaf_count; leaf++)
        touch(u, leaf);
}

/* S4: later observed, then later in the journal, then later in the submission. */
static bool wins(const struct unit_row *row, const struct cell *over)
{
    if (!(over->flags & (CELL_PRESENT | CELL_RETRACTED)))
        return true;
    if (row->observed_ms != over->observed_ms)
        return row->observed_ms > over->observed_ms;
    return row->pseq != over->pseq ? row->pseq > over->pseq : row->row > over->row;
}

bool unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row)
{
    struct cell *cell = &u->cells[stage][leaf];
    if (!wins(row, cell))
        return false;
    struct cell next = {.value = row->retract ? 0 : row->value,
                        .observed_ms = row->observed_ms,
                        .received_ms = row->received_ms,
                        .pseq = row->pseq,
                        .row = row->row,
                        .feeder = row->feeder,
                        .flags = row->retract ? CELL_RETRACTED : CELL_PRESENT};
    if (row->evidence)
        next.flags |= CELL_EVIDENCE;
    if (cell->flags & CELL_PRESENT) {
        next.flags |= CELL_REPLACED;
        next.replaced_pseq = cell->pseq;
        next.replaced_value = cell->value;
        next.replaced_row = cell->row;
    }
    *cell = next;
    touch(u, leaf);
    u->stages_dirty |= (uint8_t)(1u << stage);
    return true;
}

static void score_one_leaf(struct cached_unit *u, uint32_t leaf)
{
    u->leaf_stage[leaf] = 0;
    u->leaf_points[leaf] = 0;
    for (int stage = STAGES - 1; stage > 0; stage--) {
        const struct cell *cell = u->cells[stage] ? &u->cells[stage][leaf] : NULL;
        if (!cell || !(cell->flags & CELL_PRESENT))
            continue;
        u->leaf_stage[leaf] = (uint8_t)stage;
        u->leaf_points[leaf] = score_leaf(&u->definition->node[u->definition->leaf[leaf]], cell->value);
        return;
    }
}

static void score_touched_leaves(struct cached_unit *u)
{
    for (size_t word = 0; word < touched_words(u->definition); word++)
        for (; u->leaf_touched[word]; u->leaf_touched[word] &= u->leaf_touched[word] - 1)
            score_one_leaf(u, (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(u->leaf_touched[word]));
}

bool unit_score(struct cached_unit *u, int64_t *scratch)
{
    struct unit_points now = {.points = scratch};
    size_t bytes = u->definition->node_count * sizeof *scratch;
    score_touched_leaves(u);
    score_unit(u->definition, u->leaf_stage, u->leaf_points, &now);
    if (u->score.present == now.present && u->score.complete == now.complete &&
        u->score.appraised_share == now.appraised_share && memcmp(u->points, scratch, bytes) == 0)
        return false;
    u->score.present = now.present;
    u->score.complete = now.complete;
    u->score.appraised_share = now.appraised_share;
    memcpy(u->points, scratch, bytes);
    return true;
}
