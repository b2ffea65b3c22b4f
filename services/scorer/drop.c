#include "services/scorer/internal.h"

static void not_owned(struct scorer *s, uint32_t number)
{
    size_t i = 0;
    while (s->owned[i] != number)
        i++;
    s->owned[i] = s->owned[--s->owned_count];
}

void partition_drop(struct scorer *s, uint32_t number)
{
    struct partition *p = partition_at(s, number);
    ASSERT(p);
    note_damage(s, number, NULL);
    effects_given_up(s, p);
    s->releasing -= p->state == HOLDING_RELEASING;
    if (p->state >= HOLDING_OWNED)
        not_owned(s, number);
    else
        s->taking--;
    partition_destroy(&s->partition[number]);
}

void partition_lost(struct scorer *s, const struct partition *p)
{
    metric_add(&s->metrics, ownership_lost, 1);
    answer_released(s, p->number, p->owner_epoch, p->committed, true);
    partition_drop(s, p->number);
}

void partition_drop_all(struct scorer *s)
{
    for (uint32_t i = 0; i < s->partitions; i++)
        if (s->partition[i])
            partition_drop(s, i);
    note_damage(s, s->damaged, NULL); /* also of one that was to be ours, and could not be read */
    ASSERT(s->dirty_units == 0 && s->uncommitted_bytes == 0 && s->cut_units == 0);
    ASSERT(s->taking == 0 && s->releasing == 0);
    s->uncommitted = s->repeats = false;
}
