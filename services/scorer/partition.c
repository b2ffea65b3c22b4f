#include "services/scorer/internal.h"
#include <stdlib.h>

struct partition *partition_new(uint32_t number, uint64_t owner_epoch, uint64_t applied)
{
    struct partition *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->number = number;
    p->owner_epoch = owner_epoch;
    p->applied = p->committed = p->told = applied;
    return p;
}

void partition_destroy(struct partition **p)
{
    if (!*p)
        return;
    units_free(&(*p)->units);
    tallies_free(&(*p)->tallies);
    buffer_free(&(*p)->touched);
    buffer_free(&(*p)->dirty);
    buffer_free(&(*p)->rejects);
    buffer_free(&(*p)->details);
    free(*p);
    *p = NULL;
}

struct partition *partition_held(const struct scorer *s, uint32_t number)
{
    return number < s->partitions ? s->partition[number] : NULL;
}

void partition_hold(struct scorer *s, struct partition *p)
{
    ASSERT(p->number < s->partitions && !s->partition[p->number]);
    s->partition[p->number] = p;
    s->owned[s->owned_count++] = p->number;
}

void partition_assert(const struct partition *p)
{
    ASSERT(p->committed <= p->applied && p->told <= p->applied);
    ASSERT(p->applied > p->committed || (!p->dirty.size && !p->rejects.size && !p->tallies.dirty));
    ASSERT(p->applied > p->told || (!p->touched.size && !p->touched_bytes));
}

/* Its effects are in state, or are given up: they leave the sums over all partitions, which are exact. */
void partition_clean(struct scorer *s, struct partition *p)
{
    size_t count = buffer_count(&p->dirty, struct cached_unit *);
    size_t bytes = p->rejects.size + p->details.size;
    for (size_t i = 0; i < count; i++) {
        struct cached_unit *u = *(struct cached_unit **)buffer_at(&p->dirty, i, sizeof u);
        bytes += u->bytes;
        u->dirty = false;
        u->stages_dirty = 0;
    }
    ASSERT(bytes <= s->uncommitted_bytes && count <= s->dirty_units);
    s->uncommitted_bytes -= bytes;
    s->dirty_units -= count;
    buffer_clear(&p->dirty);
    buffer_clear(&p->rejects);
    buffer_clear(&p->details);
}

void partition_drop(struct scorer *s, uint32_t number)
{
    ASSERT(partition_held(s, number));
    partition_clean(s, s->partition[number]);
    partition_destroy(&s->partition[number]);
    for (size_t i = 0; i < s->owned_count; i++)
        if (s->owned[i] == number) {
            s->owned[i] = s->owned[--s->owned_count];
            return;
        }
}

void partition_lost(struct scorer *s, const struct partition *p)
{
    metric_add(&s->metrics, ownership_lost, 1);
    answer_released(s, p->number, p->owner_epoch, p->committed, true);
    partition_drop(s, p->number);
}

void partition_drop_all(struct scorer *s)
{
    while (s->owned_count)
        partition_drop(s, s->owned[s->owned_count - 1]);
    ASSERT(s->dirty_units == 0 && s->uncommitted_bytes == 0);
    s->uncommitted = s->repeats = false;
}
