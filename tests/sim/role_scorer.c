#include "base/deadline.h"
#include "services/scorer/core.h"
#include "tests/sim/role_worker.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdlib.h>

enum { LATE_US = 5 * SIM_MS };

struct scorer_process {
    struct sim *sim; /* as struct worker_process */
    struct actor *actor;
    struct catalog *catalog;
    struct scorer *core;
    bool told; /* that it leaves */
    /* What is being written; NULL: nothing. */
    struct state_work *work;
    uint64_t ticket;
    int64_t written_us; /* when its result is known */
    bool written;       /* it is done already */
    enum err result;
    struct err_text why;
};

/* ---- what the core may do ---- */

/* Mutation: what is applied counts as committed. */
static enum err say_early(struct scorer_process *p, const Parbus__Progress *m)
{
    Parbus__Progress progress = *m;
    uint64_t epoch, applied, committed;
    if (scorer_position(p->core, m->partition, &epoch, &applied, &committed))
        progress.applied = applied;
    return worker_say(p->sim, p->actor, PARBUS__TO_COORDINATOR__BODY_PROGRESS, &progress.base);
}

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    struct scorer_process *p = ctx;
    (void)peer;
    if (kind == PARBUS__TO_COORDINATOR__BODY_PROGRESS && source == SCORER_COORDINATOR &&
        p->sim->options.mutation == MUTATION_EARLY_PROGRESS)
        return say_early(p, (const Parbus__Progress *)m);
    if (source == SCORER_COORDINATOR)
        return worker_say(p->sim, p->actor, kind, m);
    if (!actor_lives(p->sim, p->actor))
        return ERR_BUSY;
    return role_send(p->sim, p->actor, actor_of(p->sim, &role_publisher, NULL)->number, TO_PUBLISHER, kind, m);
}

static enum err open_state(void *ctx, uint64_t journal_id, struct err_text *e)
{
    (void)e;
    struct scorer_process *p = ctx;
    if (journal_id != p->sim->journal.id)
        sim_fail(p->sim, "%s is told of another journal", p->actor->name);
    return OK;
}

static enum err tallies(void *ctx, uint32_t partition, state_tally_fn *fn, void *fn_ctx, struct err_text *e)
{
    struct scorer_process *p = ctx;
    return sim_state_tallies(p->sim, p->actor, partition, fn, fn_ctx, e);
}

static enum err values(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage, struct cell *cell,
                       size_t cell_count, struct err_text *e)
{
    struct scorer_process *p = ctx;
    return sim_state_values(p->sim, p->actor, partition, series, unit, stage, cell, cell_count, e);
}

static enum err scores(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, struct score_header *header,
                       int64_t *points, size_t points_max, struct err_text *e)
{
    struct scorer_process *p = ctx;
    return sim_state_scores(p->sim, p->actor, partition, series, unit, header, points, points_max, e);
}

static enum err cursor_of(void *ctx, uint32_t partition, struct state_cursor *cursor, struct err_text *e)
{
    struct scorer_process *p = ctx;
    return sim_state_cursor_get(p->sim, p->actor, partition, cursor, e);
}

/* ---- the thread that writes ---- */

static void write_now(struct scorer_process *p)
{
    p->result = sim_state_write(p->sim, p->actor, p->work, &p->why);
    p->written = true;
}

static int64_t takes_us(struct sim *s)
{
    if (s->now_us < s->state.slow_until_us)
        return rng_between(&s->rng, 0, 60 * SIM_MS);
    return rng_below(&s->rng, 8) ? rng_between(&s->rng, 20, 400) : rng_between(&s->rng, 400, 20 * SIM_MS);
}

/* It may be there long before its result is known. */
static void hand_over(void *ctx, struct state_work *work, uint64_t ticket)
{
    struct scorer_process *p = ctx;
    struct sim *s = p->sim;
    if (p->work)
        sim_fail(s, "%s hands over more while something is under way", p->actor->name);
    if (!actor_lives(s, p->actor))
        return;
    int64_t us = takes_us(s);
    p->work = work;
    p->ticket = ticket;
    p->written = false;
    p->written_us = actor_now_us(s, p->actor) + us;
    census_add(s, state_late, us > LATE_US);
    if (rng_below(&s->rng, 4) == 0)
        write_now(p);
}

static void answer_due(struct sim *s, struct scorer_process *p)
{
    if (!p->work || actor_now_us(s, p->actor) < p->written_us)
        return;
    if (!p->written)
        write_now(p);
    p->work = NULL;
    scorer_written(p->core, p->ticket, p->result, p->why.text, actor_moment(s, p->actor));
}

/* ---- life ---- */

static void start(struct sim *s, struct actor *n)
{
    struct scorer_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    *p = (struct scorer_process){.sim = s, .actor = n, .catalog = catalog_new()};
    struct scorer_io io = {.ctx = p,
                           .send = send,
                           .tell = worker_tell,
                           .store = {open_state, tallies, values, scores, cursor_of, hand_over},
                           .store_ctx = p};
    struct scorer_limits limits = {(size_t)s->settings.scorer_cached_units_max,
                                   s->settings.commit_interval_ms * SIM_MS};
    struct worker_config config = worker_config_of(s, n, PARBUS__ROLE__ROLE_SCORER, p->catalog);
    p->core = scorer_new(&config, &limits, &io, actor_moment(s, n));
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    struct scorer_process *p = n->process;
    if (p->work && !p->written)
        sim_state_abandoned(s, n, p->work);
    census_metrics(&s->census, scorer_metrics(p->core));
    scorer_destroy(&p->core);
    catalog_destroy(&p->catalog);
    free(p);
    n->process = NULL;
}

/* ---- the loop ---- */

static uint64_t counted(const struct scorer_process *p)
{
    const struct metrics *m = scorer_metrics(p->core);
    return m->value[METRIC_records_applied] + m->value[METRIC_records_duplicate] + m->value[METRIC_records_gap] +
           m->value[METRIC_records_not_owned] + m->value[METRIC_records_refused] + m->value[METRIC_messages_malformed] +
           p->actor->troubles;
}

/* Mutation: whatever comes is made to look like the next record. */
static void pretend_in_order(struct scorer_process *p, Parbus__Verdicts *v)
{
    uint64_t epoch, applied, committed;
    if (scorer_position(p->core, v->partition, &epoch, &applied, &committed) && epoch == v->owner_epoch)
        v->first_pseq = applied + 1;
}

static void take_verdicts(struct sim *s, struct scorer_process *p, const struct wire_message *m)
{
    Parbus__Verdicts verdicts = *(const Parbus__Verdicts *)m->message;
    uint64_t before = counted(p);
    if (s->options.mutation == MUTATION_GAP_APPLIED)
        pretend_in_order(p, &verdicts);
    if (s->options.mutation != MUTATION_SILENT_DROP || rng_below(&s->rng, 16))
        scorer_receive(p->core, SCORER_VERDICTS, peer_unnamed(1), WIRE_MESSAGE(m->kind, &verdicts.base),
                       actor_moment(s, p->actor));
    check_counted(s, p->actor, before, counted(p));
}

static void take(struct sim *s, struct scorer_process *p, const struct message *m)
{
    struct wire_message opened;
    bool verdicts = m->channel == TO_SCORER;
    if (!role_open(s, p->actor, m, verdicts ? &wire_to_scorer : &wire_to_worker, &opened))
        return;
    if (verdicts)
        take_verdicts(s, p, &opened);
    else
        scorer_receive(p->core, SCORER_COORDINATOR, peer_unnamed(1), &opened, actor_moment(s, p->actor));
}

/* Verdicts may wait until they are not refused. */
static struct message *next(struct scorer_process *p, bool patient)
{
    return patient && !scorer_takes(p->core) ? actor_take_other(p->actor, TO_SCORER) : actor_take(p->actor);
}

static void drain(struct sim *s, struct scorer_process *p)
{
    struct message *m;
    bool patient = rng_below(&s->rng, 4);
    for (uint32_t i = role_batch(s); i > 0 && (m = next(p, patient)); i--) {
        take(s, p, m);
        network_release(&s->network, m);
    }
}

/* A process that wakes may look at the clock first, or at its messages. */
static int64_t turn(struct sim *s, struct actor *n)
{
    struct scorer_process *p = n->process;
    if (rng_below(&s->rng, 2))
        scorer_tick(p->core, actor_moment(s, n));
    answer_due(s, p);
    drain(s, p);
    if (n->leaving && !p->told) {
        scorer_leave(p->core);
        p->told = true;
    }
    int64_t due_us = scorer_tick(p->core, actor_moment(s, n));
    n->finished = scorer_over(p->core, NULL) == ERR_STOPPED;
    return p->work ? earlier_us(due_us, p->written_us) : due_us;
}

const struct role role_scorer = {"scorer", start, stop, turn, true};
