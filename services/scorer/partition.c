#include "services/scorer/internal.h"
#include <stdlib.h>

STATE_MACHINE(holding_machine, "partition of a scorer", HOLDING_EDGES, "wanted", "claiming", "owned", "releasing");

struct partition *partition_new(uint32_t number, uint64_t owner_epoch)
{
    struct partition *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->number = number;
    p->owner_epoch = owner_epoch;
    return p;
}

static void effects_free(struct effects *e)
{
    buffer_free(&e->units);
    buffer_free(&e->rejects);
    buffer_free(&e->details);
}

void partition_destroy(struct partition **p)
{
    if (!*p)
        return;
    units_free(&(*p)->units);
    tallies_free(&(*p)->tallies);
    buffer_free(&(*p)->touched);
    effects_free(&(*p)->dirty);
    effects_free(&(*p)->cut);
    free(*p);
    *p = NULL;
}

struct partition *partition_at(const struct scorer *s, uint32_t number)
{
    return number < s->partitions ? s->partition[number] : NULL;
}

static bool is_held(const struct partition *p) { return p->state >= HOLDING_OWNED; }

struct partition *partition_held(const struct scorer *s, uint32_t number)
{
    struct partition *p = partition_at(s, number);
    return p && is_held(p) ? p : NULL;
}

void partition_enter(struct scorer *s, struct partition *p, enum holding to)
{
    bool held = is_held(p);
    STATE_ENTER(&holding_machine, p->state, to);
    s->releasing += to == HOLDING_RELEASING;
    if (held || !is_held(p))
        return;
    ASSERT(s->taking);
    s->taking--;
    s->owned[s->owned_count++] = p->number;
}

void partition_add(struct scorer *s, struct partition *p)
{
    ASSERT(p->number < s->partitions && !s->partition[p->number] && p->state == HOLDING_WANTED);
    s->partition[p->number] = p;
    s->taking++;
}

void partition_assert(const struct partition *p)
{
    bool dirty = p->dirty.units.size || p->dirty.rejects.size || p->tallies.dirty;
    bool cut = p->cut.units.size || p->cut.rejects.size || p->tallies.cut;
    ASSERT(p->committed <= p->handed_over && p->handed_over <= p->applied && p->told <= p->applied);
    ASSERT(p->applied > p->handed_over || !dirty);
    ASSERT(p->handed_over > p->committed || !cut);
    ASSERT(p->applied > p->told || (!p->touched.size && !p->touched_bytes));
}
