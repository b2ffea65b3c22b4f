/* What people do with a feeder's outbox: they copy it, put the copy back, and take it along to another machine. */
#include "tests/sim/outbox.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <string.h>

static struct actor *a_feeder(struct sim *s)
{
    struct actor *n = NULL;
    for (uint32_t i = rng_below(&s->rng, 4) + 1; i > 0 || !n; i -= i > 0)
        n = actor_of(s, &role_feeder, n);
    return feeder_outbox(n) && !n->gone ? n : NULL;
}

static struct actor *a_twin_of(struct sim *s, const struct actor *n)
{
    for (struct actor *t = NULL; (t = actor_of(s, &role_feeder, t));)
        if (t != n && !strcmp(t->feeder, n->feeder) && feeder_outbox(t) && !t->gone)
            return t;
    return NULL;
}

/* What its process had not sent, or sent without a receipt, goes with the outbox that it had. */
static void gets(struct sim *s, struct actor *n, const struct sim_outbox *copy)
{
    struct sim_outbox **outbox = feeder_outbox(n);
    if (n->alive)
        actor_kill(s, n, rng_between(&s->rng, SIM_MS, 300 * SIM_MS));
    sim_outbox_destroy(outbox);
    *outbox = sim_outbox_copy(copy);
    s->check.forked[n->number] = true;
    check_receipted(s, n, (*outbox)->epoch, (*outbox)->first - 1); /* what is not in it any more had its receipt */
    check_promises_void(s, n);
    feeder_promise(s, n, (*outbox)->first);
}

static void put_back(struct sim *s, struct actor *n)
{
    trace_note(s, n->name, "gets its outbox of before back", 0, 0, 0, 0);
    census_add(s, outboxes_put_back, 1);
    gets(s, n, n->outbox_copy);
}

static void keep(struct actor *n)
{
    sim_outbox_destroy(&n->outbox_copy);
    n->outbox_copy = sim_outbox_copy(*feeder_outbox(n));
}

static void give(struct sim *s, struct actor *n, struct actor *twin)
{
    trace_note(s, twin->name, "gets a copy of an outbox, of node %lu", (uint64_t)n->number, 0, 0, 0);
    census_add(s, outboxes_shared, 1);
    s->check.forked[n->number] = true;
    gets(s, twin, *feeder_outbox(n));
}

void twins_share(struct sim *s)
{
    struct actor *n = a_feeder(s);
    if (!n)
        return;
    struct actor *twin = a_twin_of(s, n);
    if (twin && rng_below(&s->rng, 2))
        give(s, n, twin);
    else if (n->outbox_copy && rng_below(&s->rng, 2))
        put_back(s, n);
    else
        keep(n);
}
