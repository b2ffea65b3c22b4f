#include "journal/record.h"
#include "services/validator/core.h"
#include "tests/sim/role_worker.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdlib.h>
#include <string.h>

enum { STAYS_US = 300000 }; /* after it said that it leaves */

struct validator_process {
    struct sim *sim;
    struct actor *actor;
    struct catalog *catalog;
    struct validator *core;
    int64_t leave_us;
};

static enum err to_coordinator(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct validator_process *p = ctx;
    return worker_say(p->sim, p->actor, kind, message);
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

static void trouble(void *ctx, const char *id, const char *text)
{
    (void)text;
    struct validator_process *p = ctx;
    p->actor->troubles++;
    trace_note(p->sim, p->actor->name, id, 0, 0, 0, 0);
}

static void start(struct sim *s, struct actor *n)
{
    struct validator_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    *p = (struct validator_process){.sim = s, .actor = n, .catalog = catalog_new()};
    struct validator_io io = {p, to_coordinator, to_scorer, trouble};
    struct worker_config config = worker_config_of(s, n, PARBUS__ROLE__ROLE_VALIDATOR, p->catalog);
    p->core = validator_new(&config, &io, s->now_us);
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
    validator_receive(p->core, opened.kind, opened.message, actor_now_us(s, p->actor));
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
    if (n->leaving && !p->leave_us) {
        validator_leave(p->core);
        p->leave_us = s->now_us + STAYS_US;
    }
    n->finished = p->leave_us && s->now_us >= p->leave_us;
    int64_t due_us = validator_tick(p->core, actor_now_us(s, n));
    return p->leave_us && p->leave_us < due_us ? p->leave_us : due_us;
}

const struct role role_validator = {"validator", start, stop, turn, true};
