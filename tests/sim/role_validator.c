#include "journal/record.h"
#include "services/validator/core.h"
#include "tests/sim/role_worker.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdlib.h>
#include <string.h>

struct validator_process {
    struct sim *sim; /* as struct worker_process */
    struct actor *actor;
    struct catalog *catalog;
    struct validator *core;
    bool told; /* that it leaves */
};

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    struct validator_process *p = ctx;
    (void)source, (void)peer;
    return worker_say(p->sim, p->actor, kind, m);
}

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    struct validator_process *p = ctx;
    struct actor *to = actor_by_name(p->sim, endpoint);
    if (!actor_lives(p->sim, p->actor))
        return ERR_BUSY;
    if (!to) {
        sim_fail(p->sim, "%s sends verdicts to \"%s\", which is nobody", p->actor->name, endpoint);
        return ERR_BUSY;
    }
    return role_send(p->sim, p->actor, to->number, TO_SCORER, PARBUS__TO_SCORER__BODY_VERDICTS, &verdicts->base);
}

static void start(struct sim *s, struct actor *n)
{
    struct validator_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    *p = (struct validator_process){.sim = s, .actor = n, .catalog = catalog_new()};
    struct validator_io io = {p, send, worker_tell, to_scorer};
    struct worker_config config = worker_config_of(s, n, PARBUS__ROLE__ROLE_VALIDATOR, p->catalog);
    p->core = validator_new(&config, &io, actor_moment(s, n));
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    (void)s;
    struct validator_process *p = n->process;
    validator_destroy(&p->core);
    catalog_destroy(&p->catalog);
    free(p);
    n->process = NULL;
}

static uint64_t counted(const struct validator_process *p)
{
    const struct metrics *m = validator_metrics(p->core);
    return m->value[METRIC_records_validated] + m->value[METRIC_records_refused] + m->value[METRIC_messages_malformed] +
           p->actor->troubles;
}

/* Mutation: what is new in the journal does not always come … */
static bool misses(const struct sim *s, const struct validator_process *p, const struct wire_message *m)
{
    return s->options.mutation == MUTATION_CONTROL_SKIPPED && m->kind == PARBUS__TO_WORKER__BODY_CONTROLS &&
           catalog_control_seq(p->catalog) && rng_below(&p->sim->rng, 2);
}

/* … and it takes records for ones from before. */
static void pretend_known(const struct validator_process *p, Parbus__Work *work)
{
    struct record_header header;
    uint64_t known = catalog_control_seq(p->catalog);
    memcpy(&header, work->record.data, sizeof header);
    header.control_seq = header.control_seq < known ? header.control_seq : known;
    memcpy(work->record.data, &header, sizeof header);
    work->control_seq = 0;
}

static void take(struct sim *s, struct validator_process *p, const struct message *m)
{
    struct wire_message opened;
    if (!role_open(s, p->actor, m, &wire_to_worker, &opened) || misses(s, p, &opened))
        return;
    if (s->options.mutation == MUTATION_CONTROL_SKIPPED && opened.kind == PARBUS__TO_WORKER__BODY_WORK)
        pretend_known(p, (Parbus__Work *)(void *)opened.message);
    uint64_t before = counted(p);
    validator_receive(p->core, VALIDATOR_COORDINATOR, peer_unnamed(1), &opened, actor_moment(s, p->actor));
    if (opened.kind == PARBUS__TO_WORKER__BODY_WORK)
        check_counted(s, p->actor, before, counted(p));
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct validator_process *p = n->process;
    for (uint32_t i = role_batch(s); i > 0 && n->first; i--) {
        struct message *m = actor_take(n);
        take(s, p, m);
        network_release(&s->network, m);
    }
    if (n->leaving && !p->told)
        validator_leave(p->core, actor_moment(s, n));
    p->told = n->leaving;
    int64_t due_us = validator_tick(p->core, actor_moment(s, n));
    n->finished = validator_over(p->core, NULL) == ERR_STOPPED;
    return due_us;
}

const struct role role_validator = {"validator", start, stop, turn, true};
