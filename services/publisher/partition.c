#include "base/deadline.h"
#include "services/publisher/internal.h"

STATE_MACHINE(follow_machine, "partition that is followed", FOLLOW_EDGES, "current", "behind");

static void enter(struct publisher *p, struct partition *t, enum follow_state state)
{
    STATE_ENTER(&follow_machine, t->state, state);
    ASSERT(state == FOLLOW_BEHIND ? p->behind < p->partitions : p->behind > 0);
    p->behind += state == FOLLOW_BEHIND;
    p->behind -= state == FOLLOW_CURRENT;
}

/* After any change. Without a hole, what was seen is what there is. */
static void follow_seen(struct publisher *p, struct partition *t)
{
    if (t->position >= t->wanted && t->position < t->seen)
        t->position = t->seen;
    enum follow_state state = t->position < t->wanted ? FOLLOW_BEHIND : FOLLOW_CURRENT;
    if (t->state != state)
        enter(p, t, state);
    ASSERT(t->from_state <= t->position);
}

void partition_seen(struct publisher *p, uint32_t partition, uint64_t prev_pseq, uint64_t pseq)
{
    struct partition *t = &p->partition[partition];
    uint64_t reached = t->seen > t->position ? t->seen : t->position;
    if (prev_pseq > reached) /* something before this message never came */
        t->wanted = prev_pseq;
    else if (prev_pseq <= t->position && pseq > t->position)
        t->position = pseq;
    if (pseq > t->seen)
        t->seen = pseq;
    follow_seen(p, t);
}

void partition_committed(struct publisher *p, uint32_t partition, uint64_t pseq)
{
    struct partition *t = &p->partition[partition];
    if (pseq > t->position && pseq > t->wanted && pseq > t->seen)
        t->wanted = pseq;
    /* What is missing is in state now: no reason to wait. */
    if (t->position < t->wanted && t->wanted <= pseq)
        t->reload_us = p->now_us;
    follow_seen(p, t);
}

void partition_read(struct publisher *p, uint32_t partition, uint64_t pseq)
{
    struct partition *t = &p->partition[partition];
    if (pseq > t->position)
        t->position = pseq;
    if (pseq > t->from_state)
        t->from_state = pseq;
    follow_seen(p, t);
}

static void rows_go_back(const struct publisher *p, struct topic *t, uint32_t partition, uint64_t to)
{
    const struct registry *registry = t->series->definition->registry;
    for (size_t row = 0; row < t->table->count; row++)
        if (t->pseq[row] > to && catalog_partition(registry, t->table->row[row].unit, p->partitions) == partition)
            t->pseq[row] = to;
}

void partition_go_back(struct publisher *p, uint32_t partition, uint64_t pseq)
{
    struct partition *t = &p->partition[partition];
    uint64_t to = pseq > t->from_state ? pseq - 1 : t->from_state;
    if (t->seen <= to && t->position <= to)
        return;
    t->position = t->position < to ? t->position : to;
    t->seen = t->seen < to ? t->seen : to;
    for (size_t i = 0; i < p->topic_count; i++)
        rows_go_back(p, p->topic[i], partition, to);
    follow_seen(p, t);
}

void partition_missed(struct publisher *p, uint32_t partition, uint64_t pseq)
{
    struct partition *t = &p->partition[partition];
    if (pseq > t->wanted)
        t->wanted = pseq;
    follow_seen(p, t);
}

/* The next partition in turn that is due, or partitions when there is none; *deadline_us is when there will be one. */
static uint32_t next_due(struct publisher *p, int64_t now_us, int64_t *deadline_us)
{
    *deadline_us = INT64_MAX;
    for (uint32_t i = 0; p->behind && i < p->partitions; i++) {
        uint32_t n = (p->next_reload + i) % p->partitions;
        const struct partition *t = &p->partition[n];
        if (!partition_behind(t))
            continue;
        if (t->reload_us <= now_us)
            return n;
        *deadline_us = earlier_us(t->reload_us, *deadline_us);
    }
    ASSERT(!p->behind || *deadline_us != INT64_MAX); /* so many are behind as were counted, not none */
    return p->partitions;
}

int64_t partitions_reload(struct publisher *p, int64_t now_us)
{
    int64_t deadline_us;
    uint32_t n = next_due(p, now_us, &deadline_us);
    if (n == p->partitions)
        return deadline_us;
    p->next_reload = n + 1;
    p->partition[n].reload_us = now_us + RELOAD_RETRY_US;
    metric_add(p->o.metrics, partitions_reloaded, 1);
    p->o.io.reload(p->o.io.ctx, p, p->worker.journal_id, n);
    return next_due(p, now_us, &deadline_us) < p->partitions ? now_us : deadline_us;
}
