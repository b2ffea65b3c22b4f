#include "client/feeder_core.h"
#include "tests/sim/draft.h"
#include "tests/sim/outbox.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

enum { RING_ENTRIES = 64, EPOCH_STEP = 1 << 20, DAY_MS = 86400000, TAKE_OVER_US = 5 * SIM_SECOND };

/* What survives the process, and what its user goes on with. */
struct feeder_durable {
    struct sim_outbox *outbox; /* NULL: this one has its memory only */
    uint64_t made;             /* submissions so far, lost ones included */
    uint32_t left;             /* to be made */
    uint64_t epoch, line;      /* that the process began with; without an outbox */
    bool behind;               /* … behind that of a life before */
    bool ahead;                /* … by a clock that is wrong */
};

struct feeder_process {
    struct sim *sim;
    struct actor *actor;
    struct feeder_core *core;
    struct feeder_durable *durable;
    int64_t submit_us, ask_us;
    bool shut_out; /* its epoch lies ahead of the ingestor's clock (D3g) */
    uint64_t told; /* up to here it has been told of receipts, in this epoch */
};

/* ---- what the core may do ---- */

static enum err send_message(void *ctx, const void *data, size_t bytes)
{
    struct feeder_process *p = ctx;
    if (!actor_lives(p->sim, p->actor))
        return ERR_BUSY;
    check_feeder_sends(p->sim, p->actor, feeder_core_totals(p->core).epoch, data, bytes);
    return network_send(p->sim, p->actor, actor_of(p->sim, &role_ingestor, NULL)->number, TO_DOOR, 0, data, bytes);
}

static enum err renumber(void *ctx, uint64_t epoch, uint64_t first, struct err_text *e)
{
    struct feeder_process *p = ctx;
    if (!actor_lives(p->sim, p->actor))
        return err_set(e, ERR_IO, "the process is dead");
    sim_outbox_renumber(p->durable->outbox, epoch, first);
    trace_note(p->sim, p->actor->name, "begins epoch %lu with seq %lu", epoch, first, 0, 0);
    return OK;
}

static void settled(void *ctx, uint64_t up_to_seq, uint64_t of_all)
{
    (void)of_all;
    struct feeder_process *p = ctx;
    p->durable->outbox->settled = up_to_seq;
}

/* Its outbox says what it takes the receipt for; without one, what it sent does. */
static void told(struct feeder_process *p, uint64_t epoch, uint64_t seq)
{
    const struct sim_outbox *o = p->durable->outbox;
    const struct sim_envelope *e = o ? sim_outbox_get(o, seq) : NULL;
    if (e)
        check_receipt_of(p->sim, p->actor, epoch, e->data, e->bytes);
    else if (!o)
        check_receipt_of_sent(p->sim, p->actor, epoch, seq);
}

static enum err digest(void *ctx, uint64_t seq, uint64_t *out)
{
    const struct feeder_process *p = ctx;
    *out = sim_outbox_digest(p->durable->outbox, seq);
    return OK;
}

static void on_receipt(void *ctx, uint64_t up_to_seq)
{
    struct feeder_process *p = ctx;
    uint64_t epoch = feeder_core_totals(p->core).epoch;
    for (uint64_t seq = p->told + 1; seq <= up_to_seq; seq++)
        told(p, epoch, seq);
    p->told = up_to_seq;
    check_receipted(p->sim, p->actor, epoch, up_to_seq);
    trace_note(p->sim, p->actor->name, "has receipts up to %lu", up_to_seq, 0, 0, 0);
}

static void on_renumbered(void *ctx, uint64_t epoch, uint64_t first_seq)
{
    struct feeder_process *p = ctx;
    census_add(p->sim, new_epochs, 1);
    p->told = 0;
    network_close_epoch(&p->sim->network, p->actor);
    trace_note(p->sim, p->actor->name, "numbers from %lu on again, in epoch %lu", first_seq, epoch, 0, 0);
}

static void on_trouble(void *ctx, const char *text)
{
    struct feeder_process *p = ctx;
    p->shut_out |= !strncmp(text, "EPOCH_AHEAD", strlen("EPOCH_AHEAD"));
}

static void on_verdict(void *ctx, const Parbus__Verdict *verdict)
{
    struct feeder_process *p = ctx;
    check_verdict(p->sim, p->actor, feeder_core_totals(p->core).epoch, verdict);
}

/* ---- life ---- */

static struct feeder_durable *durable_new(struct sim *s, const struct actor *n)
{
    struct feeder_durable *d = calloc(1, sizeof *d);
    ASSERT(d);
    d->outbox =
        actor_of(s, &role_feeder, NULL) == n || rng_below(&s->rng, 2) ? sim_outbox_new(rng_next(&s->rng) | 1) : NULL;
    d->left = 4 + rng_below(&s->rng, 40);
    return d;
}

struct sim_outbox **feeder_outbox(struct actor *n)
{
    struct feeder_durable *d = n->durable;
    return d && d->outbox ? &d->outbox : NULL;
}

void feeder_forget(struct actor *n)
{
    struct feeder_durable *d = n->durable;
    if (d)
        sim_outbox_destroy(&d->outbox);
    free(d);
    n->durable = NULL;
}

/* Now and then days ahead; whoever sees it sets it right. */
static int64_t clock_error_ms(struct sim *s, struct feeder_durable *d)
{
    int64_t error_ms = s->weather.clocks_wrong && rng_below(&s->rng, 4) == 0 ? rng_between(&s->rng, 0, 3 * DAY_MS) : 0;
    d->ahead = error_ms > 0;
    return error_ms;
}

/* As in feeder.c. The clock may go back, and with it the epochs. */
static uint64_t clock_epoch(struct sim *s, struct feeder_durable *d)
{
    uint64_t before = d->epoch;
    int64_t wall_ms = 1760000000000 + s->now_us / SIM_MS + s->wall_skew_ms;
    if (!before || s->options.mutation != MUTATION_EPOCH_REUSED)
        d->epoch = (uint64_t)(wall_ms + clock_error_ms(s, d)) * EPOCH_STEP + rng_below(&s->rng, EPOCH_STEP);
    census_add(s, memory_lost, before != 0);
    census_add(s, behind_clock, before > d->epoch);
    d->behind |= before > d->epoch;
    return d->epoch;
}

static uint64_t process_line(struct sim *s, struct feeder_durable *d)
{
    if (!d->line || s->options.mutation != MUTATION_EPOCH_REUSED)
        d->line = rng_next(&s->rng) | 1;
    return d->line;
}

static void start(struct sim *s, struct actor *n)
{
    if (!n->durable)
        n->durable = durable_new(s, n);
    struct feeder_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    *p = (struct feeder_process){.sim = s, .actor = n, .durable = n->durable, .submit_us = s->now_us};
    const struct sim_outbox *o = p->durable->outbox;
    p->told = o ? o->first - 1 : 0;
    struct feeder_core_options options = {
        .name = n->feeder,
        .epoch = o ? o->epoch : clock_epoch(s, p->durable),
        .epoch_step = o ? 1 : EPOCH_STEP,
        .next_seq = o ? o->stored + 1 : 1,
        .first_seq = o ? o->first : 1,
        .ring_entries = RING_ENTRIES,
        .digest = o ? o->digest : 0,
        .line = o ? o->line : process_line(s, p->durable),
        .without_outbox = !o,
        .take_over = n->takes_over,
        .stored = o != NULL,
        .io = {.ctx = p,
               .send = send_message,
               .renumber = o ? renumber : NULL,
               .settled = o ? settled : NULL,
               .digest = o ? digest : NULL},
        .events = {.ctx = p,
                   .receipt = on_receipt,
                   .verdict = on_verdict,
                   .renumbered = on_renumbered,
                   .trouble = on_trouble},
    };
    p->core = feeder_core_new(&options);
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    (void)s;
    struct feeder_process *p = n->process;
    if (p->durable->outbox)
        sim_outbox_crash(p->durable->outbox);
    feeder_core_destroy(&p->core);
    free(p);
    n->process = NULL;
}

/* ---- submissions ---- */

static enum err submit_stored(struct feeder_process *p, Parbus__Submission *submission)
{
    struct feeder_pack_plan plan;
    struct err_text e;
    enum err err = feeder_core_number(p->core, submission, &plan, &e);
    if (err)
        return err;
    uint8_t envelope[4096];
    ASSERT(plan.envelope <= sizeof envelope);
    feeder_pack_write(&plan, submission, envelope);
    sim_outbox_add(p->durable->outbox, envelope, plan.envelope);
    feeder_core_take(p->core, envelope, plan.envelope);
    return OK;
}

static void submit(struct sim *s, struct feeder_process *p)
{
    struct draft draft;
    struct err_text e = {""};
    bool large = rng_below(&s->rng, 30) == 0;
    int64_t wall_ms = 1760000000000 + s->now_us / SIM_MS;
    draft_make(&draft, &s->rng, p->actor->name, ++p->durable->made, wall_ms, large);
    poison_draft(s, &draft);
    enum err err =
        p->durable->outbox ? submit_stored(p, &draft.submission) : feeder_core_submit(p->core, &draft.submission, &e);
    if (err && err != ERR_TOO_LARGE && err != ERR_BUSY)
        sim_fail(s, "%s refuses its own submission: %s", p->actor->name, err_name(err));
    if (err != ERR_BUSY)
        p->durable->left--;
}

static void submit_due(struct sim *s, struct feeder_process *p)
{
    if (!p->durable->left || s->now_us < p->submit_us)
        return;
    for (uint32_t burst = rng_below(&s->rng, 4) ? 1 : rng_below(&s->rng, 30); burst > 0 && p->durable->left; burst--)
        submit(s, p);
    p->submit_us = s->now_us + rng_between(&s->rng, 0, 200 * SIM_MS);
}

void feeder_promise(struct sim *s, struct actor *n, uint64_t from)
{
    const struct sim_outbox *o = *feeder_outbox(n);
    for (uint64_t seq = from; seq <= o->stored; seq++) {
        const struct sim_envelope *e = sim_outbox_get(o, seq);
        if (e && e->bytes < (size_t)s->settings.submission_bytes_max)
            check_promise(s, n, e->data, e->bytes);
    }
}

static void sync_outbox(struct sim *s, struct feeder_process *p)
{
    struct sim_outbox *o = p->durable->outbox;
    if (!o || (!s->calm && rng_below(&s->rng, 3) == 0) || !actor_lives(s, p->actor))
        return;
    uint64_t from = o->stored + 1;
    sim_outbox_sync(o);
    feeder_promise(s, p->actor, from);
    feeder_core_release(p->core, o->stored);
}

static bool unsynced(const struct sim_outbox *o) { return o && o->first + o->count > o->stored + 1; }

static void refill(struct feeder_process *p)
{
    const struct sim_envelope *e;
    if (!p->durable->outbox)
        return;
    while ((e = sim_outbox_get(p->durable->outbox, feeder_core_wants(p->core))))
        if (!feeder_core_put(p->core, e->data, e->bytes))
            break;
}

/* What is sent again after all was scored, or was set aside in a journal that was taken back since, changes the totals
 * of a feeder that waits for nothing, and perhaps has not said hello to an ingestor that started since (D10): its user
 * asks.
 */
static bool asks_again(struct sim *s, struct feeder_process *p)
{
    if (!s->calm || (!s->model.aside_count && !s->check.aside_lost_count) || s->now_us < p->ask_us)
        return false;
    p->ask_us = s->now_us + SIM_SECOND;
    return true;
}

static void ask_sometimes(struct sim *s, struct feeder_process *p)
{
    uint64_t last = feeder_core_totals(p->core).last_seq;
    bool often = !s->calm && rng_below(&s->rng, 8) == 0;
    if (last && (often || asks_again(s, p)))
        feeder_core_status(p->core, 1 + rng_below(&s->rng, (uint32_t)last), last, 0);
}

/* A late hello of a life before, from when the clock was ahead, looks like another process of this name (D3d): who
 * started the feeder starts it again. */
static void give_up(struct sim *s, struct actor *n, const struct err_text *e)
{
    struct feeder_process *p = n->process;
    bool shut_out = n->proof.kind != PROOF_OWNER && strstr(e->text, "NOT_AUTHORISED");
    census_add(s, rights_shut_out, shut_out);
    if (!shut_out && !p->durable->behind && !s->check.forked[n->number] && !actor_has_twin(s, n))
        sim_fail(s, "%s gives up: %s", n->name, e->text);
    actor_give_up(n);
}

/* Its user learns of it, sets the clock right and starts it again. */
static void start_over(struct sim *s, struct actor *n)
{
    struct feeder_process *p = n->process;
    if (!p->durable->ahead)
        sim_fail(s, "law 6: %s is shut out by its epoch, though its clock is right", n->name);
    trace_note(s, n->name, "is ahead of the clock", 0, 0, 0, 0);
    actor_give_up(n);
}

/* One of several that share a name goes when it has no more to do, for the others. */
static void leave_when_done(struct sim *s, struct actor *n)
{
    struct feeder_process *p = n->process;
    struct parbus_feeder_totals t = feeder_core_totals(p->core);
    if (actor_has_twin(s, n) && !p->durable->left && t.connected && t.receipted == t.last_seq)
        feeder_core_bye(p->core);
    n->finished = feeder_core_is_gone(p->core);
}

/* Whoever has the name has not given it back, and will not, as far as anybody can see. */
static void ask_a_person(struct sim *s, struct actor *n)
{
    const struct feeder_process *p = n->process;
    bool waits = feeder_core_totals(p->core).in_use;
    if (!waits)
        n->waits_us = n->takes_over = 0;
    else if (!n->waits_us)
        n->waits_us = s->now_us;
    else if (s->now_us - n->waits_us > TAKE_OVER_US) {
        census_add(s, taken_over, 1);
        trace_note(s, n->name, "is told to take its name over", 0, 0, 0, 0);
        n->waits_us = 0;
        n->takes_over = true;
        actor_give_up(n);
    }
}

/* Mutation: what makes a difference there is a death before the first receipt. */
static void die_young(struct sim *s, struct actor *n)
{
    const struct feeder_process *p = n->process;
    struct parbus_feeder_totals t = feeder_core_totals(p->core);
    if (s->options.mutation == MUTATION_EPOCH_REUSED && !p->durable->outbox && !s->calm && t.connected && t.last_seq &&
        !t.receipted && rng_below(&s->rng, 4) == 0)
        actor_give_up(n);
}

/* ---- the loop ---- */

static struct moment moment_of(const struct sim *s, const struct actor *n)
{
    return (struct moment){.mono_us = actor_now_us(s, n)};
}

/* Mutation: the digest is what the feeder expects. */
static void pretend_ours(const struct feeder_process *p, const struct wire_message *opened)
{
    Parbus__Receipt *receipt = (Parbus__Receipt *)(void *)opened->message;
    Parbus__Welcome *welcome = (Parbus__Welcome *)(void *)opened->message;
    uint64_t last = feeder_core_totals(p->core).last_seq;
    if (opened->kind == PARBUS__TO_FEEDER__BODY_RECEIPT && receipt->up_to_seq <= last)
        feeder_core_digest(p->core, receipt->up_to_seq, &receipt->digest);
    if (opened->kind == PARBUS__TO_FEEDER__BODY_WELCOME && welcome->next_seq && welcome->next_seq - 1 <= last)
        feeder_core_digest(p->core, welcome->next_seq - 1, &welcome->digest);
}

static void take(struct sim *s, struct actor *n, const struct message *m)
{
    struct feeder_process *p = n->process;
    struct wire_message opened;
    bool readable = role_open(s, n, m, &wire_to_feeder, &opened);
    if (readable && s->options.mutation == MUTATION_NO_DIGEST)
        pretend_ours(p, &opened);
    if (readable)
        feeder_core_receive(p->core, &opened, moment_of(s, n));
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct feeder_process *p = n->process;
    struct err_text e = {""};
    submit_due(s, p);
    sync_outbox(s, p);
    refill(p);
    ask_sometimes(s, p);
    feeder_core_tick(p->core, moment_of(s, n));
    for (uint32_t i = role_batch(s); i > 0 && n->first; i--) {
        struct message *m = actor_take(n);
        take(s, n, m);
        network_release(&s->network, m);
    }
    refill(p);
    int64_t due_us = feeder_core_tick(p->core, moment_of(s, n));
    if (!n->dying && feeder_core_failure(p->core, &e))
        give_up(s, n, &e);
    if (!n->dying && !p->shut_out)
        leave_when_done(s, n);
    if (!n->dying)
        ask_a_person(s, n);
    if (!n->dying)
        die_young(s, n);
    if (!n->dying && p->shut_out)
        start_over(s, n);
    if (s->calm && s->now_us + SIM_SECOND < due_us)
        due_us = s->now_us + SIM_SECOND;
    bool more = p->durable->left || unsynced(p->durable->outbox);
    return more && p->submit_us < due_us ? p->submit_us : due_us;
}

bool totals_of(const struct actor *feeder, struct parbus_feeder_totals *totals)
{
    const struct feeder_process *p = feeder->process;
    if (p)
        *totals = feeder_core_totals(p->core);
    return p != NULL && !p->durable->left;
}

const struct role role_feeder = {"feeder", start, stop, turn, false};
