#include "services/publisher/core.h"
#include "tests/sim/role_worker.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

struct publisher_process {
    struct sim *sim; /* as struct worker_process */
    struct actor *actor;
    struct catalog *catalog;
    struct publisher *core;
    struct metrics metrics;
    uint64_t epoch;
};

/* ---- what the core may do ---- */

/* Before it has started it shows its tables to nobody. */
static void check_feed(struct publisher_process *p)
{
    if (publisher_started(p->core))
        check_published(p->sim, p->core, p->epoch);
}

static void publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    struct publisher_process *p = ctx;
    uint32_t series = 0;
    if (!actor_lives_now(p->sim, p->actor))
        return;
    check_feed(p); /* before anybody sees it */
    for (uint32_t i = 1; i <= SIM_SERIES; i++)
        if (!strcmp(sim_topic(i), topic))
            series = i;
    struct actor *to = NULL;
    while ((to = actor_of(p->sim, &role_subscriber, to)))
        network_send(p->sim, p->actor, to->number, FEED_EVENT, series, event, bytes);
}

static enum err answer(void *ctx, uint64_t peer, const void *message, size_t bytes)
{
    struct publisher_process *p = ctx;
    struct actor *to = actor_of_peer(p->sim, peer);
    if (!actor_lives(p->sim, p->actor) || !to)
        return ERR_NOT_FOUND;
    return network_send(p->sim, p->actor, to->number, FROM_SNAPSHOTS, 0, message, bytes);
}

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    struct publisher_process *p = ctx;
    (void)source, (void)peer;
    return worker_say(p->sim, p->actor, kind, m);
}

static void reload(void *ctx, struct publisher *core, uint64_t journal_id, uint32_t partition)
{
    struct publisher_process *p = ctx;
    struct err_text e;
    if (journal_id != p->sim->journal.id)
        sim_fail(p->sim, "the publisher is told of another journal");
    struct publisher_loading loading = {core, sim_state_cursor(&p->sim->state, partition).applied};
    if (loading.pseq <= publisher_position(core, partition))
        return;
    trace_note(p->sim, p->actor->name, "reads partition %lu at %lu, is at %lu", partition, loading.pseq,
               publisher_position(core, partition), 0);
    enum err err = flips_read_cursor(p->sim, partition, &e);
    if (!err)
        err = sim_state_scores_each(p->sim, p->actor, partition, &loading.pseq, publisher_load_score, &loading, &e);
    if (!err)
        publisher_loaded(core, partition, loading.pseq);
    publisher_damaged(core, partition, err == ERR_CORRUPT ? e.text : NULL);
}

/* ---- life ---- */

static void start(struct sim *s, struct actor *n)
{
    struct publisher_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    *p = (struct publisher_process){.sim = s, .actor = n, .catalog = catalog_new(), .epoch = rng_next(&s->rng) | 1};
    struct publisher_options options = {
        .settings = &s->settings,
        .worker = worker_config_of(s, n, PARBUS__ROLE__ROLE_PUBLISHER, p->catalog),
        .metrics = &p->metrics,
        .epoch = p->epoch,
        .io = {p, send, worker_tell, publish, answer, reload},
    };
    p->core = publisher_new(&options, actor_moment(s, n));
    n->process = p;
    census_add(s, publisher_starts, n->life > 1);
    check_publisher_started(s);
}

static void stop(struct sim *s, struct actor *n)
{
    struct publisher_process *p = n->process;
    census_metrics(&s->census, &p->metrics);
    publisher_destroy(&p->core);
    catalog_destroy(&p->catalog);
    free(p);
    n->process = NULL;
}

/* ---- the loop ---- */

static void note_scores(struct sim *s, const struct publisher_process *p, const struct wire_message *m)
{
    if (m->kind != PARBUS__TO_PUBLISHER__BODY_SCORES)
        return;
    const Parbus__Scores *scores = (const Parbus__Scores *)m->message;
    trace_note(s, p->actor->name, "partition %lu: %lu units between %lu and %lu", scores->partition, scores->n_unit,
               scores->prev_pseq, scores->pseq);
}

static const struct way {
    enum channel channel;
    enum publisher_source source;
    const struct wire_channel *opens;
} ways[] = {{TO_PUBLISHER, PUBLISHER_SCORES, &wire_to_publisher},
            {TO_WORKER, PUBLISHER_COORDINATOR, &wire_to_worker},
            {TO_SNAPSHOTS, PUBLISHER_SNAPSHOTS, &wire_to_snapshots}};

static const struct way *way_of(enum channel channel)
{
    const struct way *w = ways;
    while (w->channel != channel)
        w++;
    return w;
}

static void take(struct sim *s, struct publisher_process *p, const struct message *m)
{
    struct wire_message opened;
    const struct way *way = way_of(m->channel);
    if (!role_open(s, p->actor, m, way->opens, &opened))
        return;
    if (way->source == PUBLISHER_SCORES)
        note_scores(s, p, &opened);
    publisher_receive(p->core, way->source, (struct peer){actor_peer(&s->actor[m->from], m->connection), "owner"},
                      &opened, actor_moment(s, p->actor));
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct publisher_process *p = n->process;
    for (uint32_t i = role_batch(s); i > 0 && n->first; i--) {
        struct message *m = actor_take(n);
        take(s, p, m);
        check_feed(p); /* a message may bring a new topic, and a snapshot of it */
        network_release(&s->network, m);
    }
    int64_t due_us = publisher_tick(p->core, actor_moment(s, n));
    check_feed(p);
    return due_us;
}

struct publisher *publisher_of(struct sim *s, uint64_t *epoch)
{
    const struct actor *n = actor_of(s, &role_publisher, NULL);
    const struct publisher_process *p = n->process;
    if (p && epoch)
        *epoch = p->epoch;
    return p && publisher_started(p->core) ? p->core : NULL;
}

const struct role role_publisher = {"publisher", start, stop, turn, true};
