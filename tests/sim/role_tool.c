/* An operator who sends again what was set aside, now and then too early, twice, or what was not set aside at all. */
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdlib.h>

struct tool_process {
    int64_t ask_us;
};

static void start(struct sim *s, struct actor *n)
{
    struct tool_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    p->ask_us = s->now_us + rng_between(&s->rng, 0, SIM_SECOND);
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    (void)s;
    free(n->process);
    n->process = NULL;
}

static void ask(struct sim *s, struct actor *n, uint32_t partition, uint64_t pseq)
{
    Parbus__Retry retry = PARBUS__RETRY__INIT;
    retry.has_partition = retry.has_pseq = 1;
    retry.partition = partition;
    retry.pseq = pseq;
    if (!actor_lives(s, n))
        return;
    census_add(s, retries, 1);
    trace_note(s, n->name, "wants entry %lu of partition %lu again", pseq, partition, 0, 0);
    role_send(s, n, actor_of(s, &role_ingestor, NULL)->number, TO_COORDINATOR, PARBUS__TO_COORDINATOR__BODY_RETRY,
              &retry.base);
}

static void ask_anything(struct sim *s, struct actor *n)
{
    const struct model *m = &s->model;
    uint32_t partition = rng_below(&s->rng, s->partitions);
    if (m->aside_count && rng_below(&s->rng, 8)) {
        const struct model_aside *a = &m->aside[rng_below(&s->rng, (uint32_t)m->aside_count)];
        ask(s, n, a->partition, a->pseq);
    } else {
        ask(s, n, partition, rng_below(&s->rng, (uint32_t)m->last[partition] + 3));
    }
}

static bool mended(const struct sim *s)
{
    for (int kind = 1; kind < POISON_KINDS; kind++)
        if (poison_deadly(s, (enum poison_kind)kind) || s->now_us < s->poison.fault[kind].from_us)
            return false;
    return true;
}

/* All that waits for it, once it would be survived. */
static void ask_for_all(struct sim *s, struct actor *n)
{
    for (size_t i = 0; i < s->model.aside_count; i++)
        if (!s->model.aside[i].readmitted)
            ask(s, n, s->model.aside[i].partition, s->model.aside[i].pseq);
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct tool_process *p = n->process;
    struct wire_message opened;
    for (struct message *m; (m = actor_take(n));) {
        role_open(s, n, m, &wire_to_worker, &opened);
        network_release(&s->network, m);
    }
    if (s->now_us < p->ask_us)
        return p->ask_us;
    if (s->poison.retried_in_end && mended(s))
        ask_for_all(s, n);
    else if (!s->calm && rng_below(&s->rng, 2))
        ask_anything(s, n);
    p->ask_us = s->now_us + rng_between(&s->rng, 10 * SIM_MS, 400 * SIM_MS);
    return p->ask_us;
}

bool tool_satisfied(const struct sim *s)
{
    if (!s->poison.retried_in_end || !s->poison.used)
        return true;
    for (int kind = 1; kind < POISON_KINDS; kind++)
        if (s->poison.fault[kind].until_us == INT64_MAX)
            return true;
    for (size_t i = 0; i < s->model.aside_count; i++)
        if (!s->model.aside[i].readmitted)
            return false;
    return mended(s);
}

const struct role role_tool = {"tool", start, stop, turn, false};
