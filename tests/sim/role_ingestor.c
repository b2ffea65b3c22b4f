#include "auth/access.h"
#include "base/deadline.h"
#include "services/ingestor/core.h"
#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEN_DAYS_MS = 864000000 };
#define OPERATOR_PEER UINT64_MAX /* nobody in the cast */

struct ingestor_process {
    struct sim *sim;
    struct actor *actor;
    struct ingestor *core;
    uint32_t published;               /* of the catalog's control records: handed to the core */
    uint64_t faults;                  /* of the journal, when the message in hand came */
    uint64_t ticket;                  /* of the last append */
    Parbus__Receipt held;             /* mutation: sent after the next one … */
    uint64_t held_peer;               /* … to this peer; 0: none is */
    struct bookmark suspect;          /* mutation: the only one … */
    uint32_t blamed;                  /* … and so many ended there */
    struct moment at;                 /* of the call into the core */
    bool told_of_no_seq;              /* the message in hand: NOT_AUTHORISED, seq 0 … */
    bool cut_guest;                   /* … it cost its connection, for nobody knows the key */
    const struct rights_heard *heard; /* … NULL: none is */
    void (*hears)(void *ctx, const Parbus__StatsReply *reply);
    void *hears_ctx; /* of an operator who asks */
};

/* ---- what the core may do ---- */

static enum err send_now(struct ingestor_process *p, struct actor *to, enum channel channel, uint32_t kind,
                         const ProtobufCMessage *m)
{
    if (channel == TO_FEEDER) {
        check_to_feeder(p->sim, to, kind, m);
        check_rights_told(p->sim, to, kind, m, catalog_control_seq(ingestor_catalog(p->core)), p->at.wall_ms);
    }
    return role_send(p->sim, p->actor, to->number, channel, kind, m);
}

/* Mutation: a receipt waits for the next one of its feeder, and goes after it. */
static bool hold_back(struct ingestor_process *p, uint64_t peer, const Parbus__Receipt *m)
{
    if (p->held_peer || rng_below(&p->sim->rng, 4))
        return false;
    p->held_peer = peer;
    p->held = *m;
    return true;
}

static void send_held(struct ingestor_process *p, uint64_t peer, struct actor *to)
{
    if (p->held_peer != peer)
        return;
    p->held_peer = 0;
    send_now(p, to, TO_FEEDER, PARBUS__TO_FEEDER__BODY_RECEIPT, &p->held.base);
}

/* Mutation: NULL, or another feeder's connection. */
static struct actor *another(struct ingestor_process *p, const struct actor *to)
{
    struct sim *s = p->sim;
    if (s->options.mutation != MUTATION_ANSWER_ASTRAY || rng_below(&s->rng, 8))
        return NULL;
    for (struct actor *n = NULL; (n = actor_of(s, &role_feeder, n));)
        if (n->alive && strcmp(n->feeder, to->feeder) != 0)
            return n;
    return NULL;
}

static enum err to_feeder(struct ingestor_process *p, uint64_t peer, struct actor *to, uint32_t kind,
                          const ProtobufCMessage *m)
{
    enum mutation mutation = p->sim->options.mutation;
    bool receipt = kind == PARBUS__TO_FEEDER__BODY_RECEIPT;
    if (kind == PARBUS__TO_FEEDER__BODY_WELCOME && mutation == MUTATION_NO_FEEDER_WINDOW)
        ((Parbus__Welcome *)(void *)m)->has_window_bytes = 0;
    if (receipt && mutation == MUTATION_RECEIPT_ORDER && hold_back(p, peer, (const Parbus__Receipt *)m))
        return OK;
    struct actor *astray = another(p, to);
    enum err err = send_now(p, astray ? astray : to, TO_FEEDER, kind, m);
    if (receipt)
        send_held(p, peer, to);
    return err;
}

/* A wish may be refused because the journal takes nothing, or cannot be read. */
static void check_worker_message(struct ingestor_process *p, uint32_t kind, const ProtobufCMessage *m)
{
    struct sim *s = p->sim;
    bool excused = ingestor_trouble(p->core)[0] || !ingestor_takes(p->core) || check_journal_faults(s) != p->faults;
    if (kind == PARBUS__TO_WORKER__BODY_WORK)
        check_work_sent(s, actor_by_name(s, ((const Parbus__Work *)m)->scorer), (const Parbus__Work *)m);
    if (kind == PARBUS__TO_WORKER__BODY_RETRIED)
        check_retried(s, (const Parbus__Retried *)m, excused);
}

static void note_answer(struct ingestor_process *p, uint32_t kind, const ProtobufCMessage *m)
{
    const Parbus__Refusal *refusal = (const Parbus__Refusal *)m;
    if (p->heard && kind == PARBUS__TO_FEEDER__BODY_WELCOME)
        check_rights_welcomed(p->sim, p->heard);
    p->told_of_no_seq |= kind == PARBUS__TO_FEEDER__BODY_REFUSAL &&
                         refusal->reason == PARBUS__REASON__REFUSED_NOT_AUTHORISED && !refusal->seq;
}

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    struct ingestor_process *p = ctx;
    if (peer == OPERATOR_PEER) {
        p->hears(p->hears_ctx, (const Parbus__StatsReply *)m);
        return OK;
    }
    if (source == INGESTOR_DOOR)
        note_answer(p, kind, m);
    bool lives = actor_lives(p->sim, p->actor);
    struct actor *to = actor_of_peer(p->sim, peer);
    if (!lives || !to)
        return ERR_NOT_FOUND;
    if (source == INGESTOR_DOOR)
        return to_feeder(p, peer, to, kind, m);
    check_worker_message(p, kind, m);
    return send_now(p, to, TO_WORKER, kind, m);
}

static void hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)level, (void)id, (void)text;
}

static enum err append(void *ctx, const struct journal_group *group, uint64_t ticket)
{
    struct ingestor_process *p = ctx;
    p->ticket = ticket;
    return sim_journal_append(p->sim, p->actor, group, ticket);
}

static enum err read_records(void *ctx, uint32_t partition, uint64_t from_pseq, size_t bytes_max, journal_record_fn *fn,
                             void *fn_ctx, struct err_text *e)
{
    struct ingestor_process *p = ctx;
    return sim_journal_read(p->sim, p->actor, partition, from_pseq, bytes_max, fn, fn_ctx, e);
}

static enum err read_controls(void *ctx, uint64_t from, journal_control_fn *fn, void *fn_ctx, struct err_text *e)
{
    struct ingestor_process *p = ctx;
    return sim_journal_controls(p->sim, p->actor, from, fn, fn_ctx, e);
}

struct adding {
    bool (*add)(void *ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail);
    void *ctx;
};

static bool add_reject(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       const struct reject_header *header, const char *detail)
{
    (void)feeder, (void)epoch;
    const struct adding *a = ctx;
    return a->add(a->ctx, seq, row, header->reason, detail);
}

static void rejects(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                    bool (*add)(void *add_ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail),
                    void *add_ctx)
{
    struct ingestor_process *p = ctx;
    struct adding a = {add, add_ctx};
    sim_state_rejects(p->sim, p->actor, feeder, epoch, seq, row, add_reject, &a);
}

/* Whoever was there has to open another connection. */
static void cut(void *ctx, uint64_t peer, const char *reason, const char *detail)
{
    struct ingestor_process *p = ctx;
    struct actor *n = actor_of_peer(p->sim, peer);
    (void)detail;
    trace_note(p->sim, p->actor->name, "cuts somebody off", 0, 0, 0, 0);
    p->cut_guest |= !strcmp(reason, "guest");
    if (n)
        rights_connect(p->sim, n);
}

/* ---- life ---- */

static struct moment now(struct ingestor_process *p)
{
    int64_t mono_us = actor_now_us(p->sim, p->actor);
    int64_t ahead_ms = p->sim->options.mutation == MUTATION_EPOCH_AHEAD ? TEN_DAYS_MS : 0;
    p->at = (struct moment){mono_us, SIM_WALL_MS + mono_us / 1000 + p->sim->wall_skew_ms + ahead_ms};
    return p->at;
}

static void restore(struct sim *s, struct ingestor *core)
{
    struct sim_journal *j = &s->journal;
    for (uint64_t seq = 1; seq <= j->controls; seq++) {
        struct err_text e = {""};
        if (ingestor_restore_control(core, seq, j->control[seq].data, j->control[seq].size, &e))
            sim_fail(s, "the ingestor cannot restore control %lu: %s", seq, e.text);
    }
    const struct journal_feeder *feeder =
        s->options.mutation == MUTATION_REPEAT_JOURNALLED ? j->before.feeder : j->feeder;
    for (uint32_t i = 1; i < SIM_FEEDERS_MAX; i++)
        if (feeder[i].name[0])
            ingestor_restore_feeder(core, i, &feeder[i]);
}

/* As in the shell: what state has applied is known before the door opens. */
static void restore_partitions(struct sim *s, struct actor *n, struct ingestor *core)
{
    struct err_text e = {""};
    for (uint32_t i = 0; i < s->partitions && !n->dying; i++) {
        struct state_cursor cursor = sim_state_cursor(&s->state, i);
        struct ingestor_followed followed = {cursor.applied, cursor.mark};
        bool unknown = !s->operator.ahead && rng_below(&s->rng, 2);
        if (s->options.mutation == MUTATION_OTHER_PAST)
            followed.mark = 0;
        if (unknown || flips_read_cursor(s, i, NULL) || s->options.mutation == MUTATION_AHEAD_ACCEPTED)
            followed = (struct ingestor_followed){0};
        if (!ingestor_restore_partition(core, i, s->journal.partition[i].last, followed, &e))
            continue;
        census_add(s, ahead, 1);
        census_add(s, other_past, followed.applied <= s->journal.partition[i].last);
        if (!s->operator.ahead)
            sim_fail(s, "the ingestor does not start: %s", e.text);
        actor_give_up(n);
    }
}

static void start(struct sim *s, struct actor *n)
{
    struct ingestor_process *p = calloc(1, sizeof *p);
    ASSERT(p);
    *p = (struct ingestor_process){.sim = s, .actor = n, .published = s->model.published};
    sim_journal_open(s);
    poison_reports_forgotten(s);
    check_rights_forgotten(s);
    struct ingestor_io io = {.ctx = p,
                             .send = send,
                             .tell = hear,
                             .append = append,
                             .read = read_records,
                             .controls = read_controls,
                             .rejects = rejects,
                             .cut = cut};
    struct settings settings = s->settings;
    if (s->options.mutation == MUTATION_NO_WINDOW)
        settings.partition_window_bytes = 1 << 24;
    if (s->options.mutation == MUTATION_NO_SCORER_WINDOW || s->options.mutation == MUTATION_NO_WINDOW)
        settings.scorer_window_bytes = 1 << 24;
    p->core = ingestor_new(n->name, &settings, &io, s->partitions, s->journal.id, s->journal.term, s->journal.commits);
    restore(s, p->core);
    restore_partitions(s, n, p->core);
    s->check.unaccounted = 0;
    n->process = p;
}

static void stop(struct sim *s, struct actor *n)
{
    struct ingestor_process *p = n->process;
    sim_journal_abandoned(s);
    check_rights_forgotten(s);
    census_metrics(&s->census, ingestor_metrics(p->core));
    ingestor_destroy(&p->core);
    free(p);
    n->process = NULL;
}

/* ---- the loop ---- */

/* What the journal has taken, it keeps; what it has no place for, it gets with the next turn. */
static void publish(struct sim *s, struct ingestor_process *p)
{
    while (p->published < s->controls_wanted && !p->actor->dying) {
        Parbus__Control control;
        struct err_text e = {""};
        sim_control(p->published + 1, &control);
        enum err err = ingestor_publish(p->core, &control, now(p), &e);
        if (err && err != ERR_BUSY)
            sim_fail(s, "the ingestor does not take control %u: %s", p->published + 1, e.text);
        if (err)
            return;
        p->published++;
    }
}

static uint64_t reasons_counted(struct ingestor *core)
{
    const struct metrics *m = ingestor_metrics(core);
    uint64_t sum = m->value[METRIC_submissions_repeated] + m->value[METRIC_guests_cut];
    for (int i = 0; i < 256; i++)
        sum += m->reason[i];
    return sum;
}

static void pretend_not_ahead(const struct sim *s, const struct wire_message *opened)
{
    if (opened->kind != PARBUS__TO_COORDINATOR__BODY_OWNED)
        return;
    Parbus__Owned *m = (Parbus__Owned *)(void *)opened->message;
    uint64_t last = s->journal.partition[m->partition].last;
    m->applied = m->applied < last ? m->applied : last;
    m->mark = 0;
}

static void pretend_same_past(const struct wire_message *opened)
{
    if (opened->kind == PARBUS__TO_COORDINATOR__BODY_OWNED)
        ((Parbus__Owned *)(void *)opened->message)->mark = 0;
}

static void pretend_same_line(const struct wire_message *opened)
{
    if (opened->kind == PARBUS__TO_INGESTOR__BODY_HELLO)
        ((Parbus__Hello *)(void *)opened->message)->line = 1;
}

static uint32_t blamed_by(const struct sim *s, const Parbus__WorkerHello *hello)
{
    return hello->unfinished ? poison_blamed(s, hello->unfinished->partition, hello->unfinished->pseq) : 0;
}

/* Mutation: with the owner that the partition has. */
static void set_aside_at_once(struct sim *s, struct ingestor_process *p, const Parbus__WorkerHello *hello)
{
    struct err_text e;
    const Parbus__Unfinished *at = hello->unfinished;
    if (blamed_by(s, hello) != (uint32_t)s->settings.record_tries_max ||
        sim_state_cursor(&s->state, at->partition).applied >= at->pseq ||
        !sim_journal_record(&s->journal, at->partition, at->pseq))
        return;
    Parbus__SetAside m = PARBUS__SET_ASIDE__INIT;
    m.has_partition = m.has_pseq = m.has_tries = 1;
    m.partition = at->partition;
    m.pseq = at->pseq;
    m.tries = (uint32_t)s->settings.record_tries_max;
    m.instance = hello->instance;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_SET_ASIDE;
    control.set_aside = &m;
    ingestor_publish(p->core, &control, now(p), &e);
}

/* Mutation: a death elsewhere takes the blame off all others. The core is told of none until they are enough, and then
 * of all of them. */
static void suspect_one(struct sim *s, struct ingestor_process *p, Parbus__WorkerHello *hello)
{
    Parbus__Unfinished *at = hello->unfinished;
    if (p->suspect.partition != at->partition || p->suspect.pseq != at->pseq)
        p->blamed = 0;
    p->suspect.partition = at->partition;
    p->suspect.pseq = at->pseq;
    if (++p->blamed < (uint32_t)s->settings.record_tries_max) {
        hello->unfinished = NULL;
        return;
    }
    Parbus__WorkerHello other = *hello;
    struct wire_message m = {.kind = PARBUS__TO_COORDINATOR__BODY_HELLO, .message = &other.base};
    for (uint32_t i = 1; i < p->blamed; i++) {
        other.incarnation = rng_next(&s->rng);
        ingestor_receive(p->core, INGESTOR_WORK, (struct peer){actor_peer(p->actor, 0), "owner"}, &m, now(p));
    }
}

static void take_hello(struct sim *s, struct ingestor_process *p, Parbus__WorkerHello *hello)
{
    uint32_t before = blamed_by(s, hello);
    poison_reported(s, hello);
    if (blamed_by(s, hello) == before)
        return;
    if (s->options.mutation == MUTATION_NOT_FENCED)
        set_aside_at_once(s, p, hello);
    if (s->options.mutation == MUTATION_SUSPECT_FORGOTTEN)
        suspect_one(s, p, hello);
}

/* ---- who is there ---- */

static const struct access *table(const struct ingestor_process *p)
{
    return catalog_access(ingestor_catalog(p->core));
}

/* As the gate of the shell: whoever has no key that holds is not heard, and has to open another connection. */
static bool admits(struct sim *s, struct ingestor_process *p, const struct message *m)
{
    struct actor *from = &s->actor[m->from];
    const char *principal = rights_principal(s, m->principal);
    uint8_t key[32];
    if (!s->rights.gate || s->options.mutation == MUTATION_REVOKED_GOES_ON || m->channel != TO_DOOR ||
        strncmp(principal, "key:", 4) != 0)
        return true;
    for (size_t i = 0; i < sizeof key; i++)
        sscanf(principal + 4 + 2 * i, "%2hhx", &key[i]);
    if (access_of_key(table(p), key, now(p).wall_ms))
        return true;
    census_add(s, rights_turned_away, 1);
    if (from->alive && from->connection == m->connection)
        rights_connect(s, from);
    return false;
}

static uint64_t not_allowed(struct ingestor_process *p)
{
    return ingestor_metrics(p->core)->reason[PARBUS__REASON__REFUSED_NOT_AUTHORISED];
}

/* Mutation: who was somebody when his connection was made is still. */
static const char *principal_of(const struct ingestor_process *p, const struct message *m)
{
    const char *principal = rights_principal(p->sim, m->principal);
    bool goes_on = p->sim->options.mutation == MUTATION_REVOKED_GOES_ON && m->channel == TO_DOOR;
    return goes_on && check_rights_is_nobody(p->sim, &p->sim->actor[m->from], m) ? "owner" : principal;
}

/* Mutations: what is to be told once the journal has it. */
static void answer_at_once(struct ingestor_process *p, const struct rights_heard *h)
{
    struct sim *s = p->sim;
    uint64_t peer = actor_peer(h->from, h->message->connection), last = catalog_control_seq(ingestor_catalog(p->core));
    Parbus__AccessChanged changed = PARBUS__ACCESS_CHANGED__INIT;
    Parbus__Refusal refusal = PARBUS__REFUSAL__INIT;
    if (s->options.mutation == MUTATION_EARLY_CHANGE && h->opened->kind == PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS &&
        last > h->control_seq) {
        changed.has_control_seq = 1;
        changed.control_seq = last;
        send(p, INGESTOR_DOOR, peer, PARBUS__TO_FEEDER__BODY_ACCESS_CHANGED, &changed.base);
    }
    if (s->options.mutation == MUTATION_EARLY_REFUSAL && h->not_allowed && !h->of_no_seq) {
        refusal.has_seq = refusal.has_reason = refusal.has_epoch = 1;
        refusal.seq = ((const Parbus__Submission *)h->opened->message)->seq;
        refusal.reason = PARBUS__REASON__REFUSED_NOT_AUTHORISED;
        refusal.epoch = h->from->proof.welcomed_epoch;
        send(p, INGESTOR_DOOR, peer, PARBUS__TO_FEEDER__BODY_REFUSAL, &refusal.base);
    }
}

static void receive(struct ingestor_process *p, const struct message *m, const struct wire_message *opened)
{
    struct sim *s = p->sim;
    bool door = m->channel == TO_DOOR;
    struct rights_heard heard = {.from = &s->actor[m->from],
                                 .message = m,
                                 .opened = opened,
                                 .control_seq = catalog_control_seq(ingestor_catalog(p->core)),
                                 .wall_ms = now(p).wall_ms};
    uint64_t before = reasons_counted(p->core), before_not = not_allowed(p);
    p->heard = door ? &heard : NULL;
    p->told_of_no_seq = p->cut_guest = false;
    ingestor_receive(p->core, door ? INGESTOR_DOOR : INGESTOR_WORK,
                     (struct peer){actor_peer(heard.from, m->connection), principal_of(p, m)}, opened, p->at);
    p->heard = NULL;
    heard.taken = door && opened->kind == PARBUS__TO_INGESTOR__BODY_SUBMISSION && reasons_counted(p->core) == before;
    heard.not_allowed = door && not_allowed(p) != before_not;
    heard.of_no_seq = p->told_of_no_seq;
    heard.cut_off = p->cut_guest;
    s->check.unaccounted += heard.taken;
    check_rights_heard(s, &heard);
    answer_at_once(p, &heard);
}

static void take(struct sim *s, struct ingestor_process *p, const struct message *m)
{
    struct wire_message opened;
    if (!admits(s, p, m) ||
        !role_open(s, p->actor, m, m->channel == TO_DOOR ? &wire_to_ingestor : &wire_to_coordinator, &opened))
        return;
    if (s->options.mutation == MUTATION_AHEAD_ACCEPTED && m->channel != TO_DOOR)
        pretend_not_ahead(s, &opened);
    if (s->options.mutation == MUTATION_OTHER_PAST && m->channel != TO_DOOR)
        pretend_same_past(&opened);
    if (s->options.mutation == MUTATION_SECOND_LINE && m->channel == TO_DOOR)
        pretend_same_line(&opened);
    p->faults = check_journal_faults(s);
    if (m->channel != TO_DOOR && opened.kind == PARBUS__TO_COORDINATOR__BODY_HELLO)
        take_hello(s, p, (Parbus__WorkerHello *)(void *)opened.message);
    receive(p, m, &opened);
}

/* ---- the conversation with the journal ---- */

static void take_answer(struct sim *s, struct ingestor_process *p)
{
    uint64_t ticket;
    enum err result;
    const char *why;
    if (!sim_journal_answer(s, p->actor, &ticket, &result, &why))
        return;
    if (result == ERR_LOST && s->options.mutation == MUTATION_FENCED_GOES_ON)
        result = OK;
    ingestor_appended(p->core, ticket, result, why, now(p));
}

/* Mutation: before the journal has answered. */
static void answer_early(struct sim *s, struct ingestor_process *p)
{
    if (s->options.mutation == MUTATION_EARLY_RECEIPT && p->ticket)
        ingestor_appended(p->core, p->ticket, OK, "", now(p));
    p->ticket = 0;
}

static bool has_door_message(const struct actor *n)
{
    for (const struct message *m = n->first; m; m = m->next)
        if (m->channel == TO_DOOR)
            return true;
    return false;
}

static bool has_other(const struct actor *n)
{
    for (const struct message *m = n->first; m; m = m->next)
        if (m->channel != TO_DOOR)
            return true;
    return false;
}

/* Of two sockets, of which the door's waits at times. */
static struct message *next_message(struct ingestor_process *p)
{
    return ingestor_takes(p->core) ? actor_take(p->actor) : actor_take_other(p->actor, TO_DOOR);
}

static int64_t turn(struct sim *s, struct actor *n)
{
    struct ingestor_process *p = n->process;
    publish(s, p);
    struct message *m;
    for (uint32_t i = role_batch(s); i > 0 && (m = next_message(p)); i--) {
        take(s, p, m);
        network_release(&s->network, m);
    }
    take_answer(s, p);
    if (!has_door_message(n))
        ingestor_drained(p->core);
    int64_t due_us = ingestor_tick(p->core, now(p));
    answer_early(s, p);
    if (ingestor_fenced(p->core))
        actor_give_up(n);
    n->leaves_rest = !ingestor_takes(p->core) && !has_other(n);
    return earlier_us(due_us, sim_journal_due_us(&s->journal));
}

uint64_t sent_of(struct sim *s, uint32_t partition)
{
    const struct actor *n = actor_of(s, &role_ingestor, NULL);
    return ingestor_sent(((const struct ingestor_process *)n->process)->core, partition);
}

bool stats_of(struct sim *s, void (*fn)(void *ctx, const Parbus__StatsReply *reply), void *ctx)
{
    struct actor *n = actor_of(s, &role_ingestor, NULL);
    struct ingestor_process *p = n->process;
    Parbus__Stats ask = PARBUS__STATS__INIT;
    if (!n->alive || n->paused)
        return false;
    p->hears = fn;
    p->hears_ctx = ctx;
    ingestor_receive(p->core, INGESTOR_DOOR, (struct peer){OPERATOR_PEER, "owner"},
                     WIRE_MESSAGE(PARBUS__TO_INGESTOR__BODY_STATS, &ask.base), now(p));
    return true;
}

uint64_t lag_of(struct sim *s)
{
    const struct actor *n = actor_of(s, &role_ingestor, NULL);
    return n->alive ? ingestor_lag(((const struct ingestor_process *)n->process)->core) : UINT64_MAX;
}

const struct role role_ingestor = {"ingestor", start, stop, turn, true};
