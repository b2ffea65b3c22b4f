#include "services/scorer/internal.h"

static struct cached_unit *unit_of(const struct effects *e, size_t i)
{
    return *(struct cached_unit **)buffer_at(&e->units, i, sizeof(struct cached_unit *));
}

static size_t unit_count(const struct effects *e) { return buffer_count(&e->units, struct cached_unit *); }

static void effects_clear(struct effects *e)
{
    buffer_clear(&e->units);
    buffer_clear(&e->rejects);
    buffer_clear(&e->details);
}

/* Takes all that is dirty out of the sums. */
static void not_dirty(struct scorer *s, struct partition *p)
{
    size_t bytes = p->dirty.rejects.size + p->dirty.details.size;
    for (size_t i = 0; i < unit_count(&p->dirty); i++) {
        bytes += unit_of(&p->dirty, i)->bytes;
        unit_of(&p->dirty, i)->dirty = false;
    }
    ASSERT(bytes <= s->uncommitted_bytes && unit_count(&p->dirty) <= s->dirty_units);
    s->uncommitted_bytes -= bytes;
    s->dirty_units -= unit_count(&p->dirty);
}

static void not_cut(struct scorer *s, struct partition *p)
{
    ASSERT(unit_count(&p->cut) <= s->cut_units);
    s->cut_units -= unit_count(&p->cut);
}

void effects_cut(struct scorer *s, struct partition *p)
{
    struct effects free_again = p->cut;
    ASSERT(!free_again.units.size && !free_again.rejects.size && p->handed_over == p->committed);
    not_dirty(s, p);
    p->cut = p->dirty;
    p->dirty = free_again;
    for (size_t i = 0; i < unit_count(&p->cut); i++) {
        struct cached_unit *u = unit_of(&p->cut, i);
        u->cut = true;
        u->stages_cut = u->stages_dirty;
        u->stages_dirty = 0;
    }
    s->cut_units += unit_count(&p->cut);
    tallies_cut(&p->tallies);
    p->handed_over = p->applied;
    partition_assert(p);
}

static void unit_uncut(struct cached_unit *u)
{
    u->cut = false;
    u->stages_cut = 0;
}

void effects_committed(struct scorer *s, struct partition *p)
{
    not_cut(s, p);
    for (size_t i = 0; i < unit_count(&p->cut); i++)
        unit_uncut(unit_of(&p->cut, i));
    effects_clear(&p->cut);
    tallies_committed(&p->tallies);
    p->committed = p->handed_over;
    partition_assert(p);
}

static void keep_unit(struct scorer *s, struct partition *p, struct cached_unit *u)
{
    u->stages_dirty |= u->stages_cut;
    unit_uncut(u);
    if (u->dirty)
        return;
    u->dirty = true;
    buffer_append(&p->dirty.units, &u, sizeof u);
    s->dirty_units++;
    s->uncommitted_bytes += u->bytes;
}

/* Those that were cut come before those that were not. */
static void keep_rejects(struct scorer *s, struct partition *p)
{
    struct effects cut = p->cut;
    s->uncommitted_bytes += cut.rejects.size + cut.details.size;
    for (size_t i = 0; i < buffer_count(&p->dirty.rejects, struct pending_reject); i++) {
        struct pending_reject r = *(struct pending_reject *)buffer_at(&p->dirty.rejects, i, sizeof r);
        r.detail_at += p->cut.details.size;
        buffer_append(&cut.rejects, &r, sizeof r);
    }
    if (p->dirty.details.size)
        buffer_append(&cut.details, p->dirty.details.data, p->dirty.details.size);
    p->cut.rejects = p->dirty.rejects;
    p->cut.details = p->dirty.details;
    p->dirty.rejects = cut.rejects;
    p->dirty.details = cut.details;
}

void effects_kept(struct scorer *s, struct partition *p)
{
    not_cut(s, p);
    for (size_t i = 0; i < unit_count(&p->cut); i++)
        keep_unit(s, p, unit_of(&p->cut, i));
    keep_rejects(s, p);
    effects_clear(&p->cut);
    tallies_kept(&p->tallies);
    p->handed_over = p->committed;
    s->uncommitted = true;
    partition_assert(p);
}

void effects_given_up(struct scorer *s, struct partition *p)
{
    not_dirty(s, p);
    not_cut(s, p);
}
