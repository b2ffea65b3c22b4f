#include "base/plural.h"
#include "services/scorer/internal.h"
#include <string.h>

static struct cell *scratch_cells(struct scorer *s, size_t count)
{
    buffer_clear(&s->scratch_cells);
    return buffer_grow(&s->scratch_cells, count * sizeof(struct cell));
}

static enum err load_stage(struct scorer *s, struct partition *p, struct cached_unit *u, int stage, struct err_text *e)
{
    size_t count = u->definition->leaf_count;
    struct cell *cells = scratch_cells(s, count);
    enum err err = s->io.store.values(s->io.store_ctx, p->number, u->series, u->unit, (uint8_t)stage, cells, count, e);
    if (err == ERR_NOT_FOUND)
        return OK;
    if (!err)
        memcpy(unit_cells(u, stage), cells, count * sizeof *cells);
    return err;
}

static enum err load_score(struct scorer *s, struct partition *p, struct cached_unit *u, struct err_text *e)
{
    struct score_header header;
    size_t nodes = u->definition->node_count;
    enum err err = s->io.store.scores(s->io.store_ctx, p->number, u->series, u->unit, &header, u->points, nodes, e);
    if (err == ERR_NOT_FOUND) {
        memset(u->points, 0, nodes * sizeof *u->points);
        return OK;
    }
    if (err)
        return err;
    if (header.node_count != nodes)
        return err_set(e, ERR_CORRUPT, "state holds %u %s for a unit of series %u, which has %zu", header.node_count,
                       plural(header.node_count, "node", "nodes"), u->series, nodes);
    u->score = header;
    return OK;
}

/* What was read is what we committed, and nothing of an owner after us: on that we must not build, nor tell the
 * publisher of it. Asked after the reading; whoever takes the partition writes its epoch before anything else (I5). The
 * commit under way may be there or not: it changes no unit that is not in memory. */
static enum err check_ours(struct scorer *s, const struct partition *p, struct err_text *e)
{
    struct state_cursor cursor;
    enum err err = s->io.store.cursor(s->io.store_ctx, p->number, &cursor, e);
    if (err ||
        (cursor.owner_epoch == p->owner_epoch && (cursor.applied == p->committed || cursor.applied == p->handed_over)))
        return err;
    return err_set(e, ERR_LOST, "another scorer owns it");
}

static enum err load(struct scorer *s, struct partition *p, struct cached_unit *u, struct err_text *e)
{
    enum err err = load_score(s, p, u, e);
    for (int stage = 1; stage < STAGES && !err; stage++)
        if (definition_has_stage(u->definition, stage))
            err = load_stage(s, p, u, stage, e);
    if (!err)
        err = check_ours(s, p, e);
    if (!err)
        unit_touch_all(u);
    return err;
}

enum err unit_load(struct scorer *s, struct partition *p, const struct series *series, uint32_t unit,
                   struct cached_unit **out, struct err_text *e)
{
    *out = units_find(&p->units, series->number, unit);
    if (*out)
        return OK;
    struct cached_unit *u = unit_new(series, unit);
    enum err err = load(s, p, u, e);
    if (err) {
        unit_destroy(&u);
        return err_wrap(e, err, "load unit %u of series %u, partition %u", unit, series->number, p->number);
    }
    units_add(&p->units, u);
    p->units.bytes += u->bytes;
    *out = u;
    return OK;
}

void unit_mark_changed(struct scorer *s, struct partition *p, struct cached_unit *u)
{
    if (!u->touched) {
        u->touched = true;
        buffer_append(&p->touched, &u, sizeof u);
        p->touched_bytes += 96 + 10 * u->definition->node_count; /* a varint takes at most 10 bytes */
    }
    if (!u->dirty) {
        u->dirty = true;
        buffer_append(&p->dirty.units, &u, sizeof u);
        s->dirty_units++;
        s->uncommitted_bytes += u->bytes;
    }
}

static void cached(const struct scorer *s, size_t *units, size_t *bytes)
{
    *units = *bytes = 0;
    for (size_t i = 0; i < s->owned_count; i++) {
        *units += s->partition[s->owned[i]]->units.count;
        *bytes += s->partition[s->owned[i]]->units.bytes;
    }
}

void units_shrink(struct scorer *s)
{
    size_t units, bytes, units_max = s->limits.cached_units_max;
    cached(s, &units, &bytes);
    if (units <= units_max && bytes / CACHED_UNIT_BYTES <= units_max)
        return;
    for (size_t i = 0; i < s->owned_count; i++)
        units_drop_clean(&s->partition[s->owned[i]]->units);
}
