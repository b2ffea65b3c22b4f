#include "services/ingestor/coordinator.h"
#include "base/bytes.h"
#include "base/err.h"
#include "services/ingestor/announce.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/invariants.h"
#include "services/ingestor/suspects.h"
#include "services/ingestor/tallies.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_AGAIN_US = 200000, CHECK_US = 50000, REFUSED_REST_US = 2000000 };

void coordinator_init(struct coordinator *c, const struct settings *settings, const struct ingestor_io *io,
                      struct metrics *metrics, struct door *door, uint32_t partitions, uint64_t journal_id,
                      uint64_t term)
{
    *c = (struct coordinator){.settings = settings,
                              .io = io,
                              .metrics = metrics,
                              .door = door,
                              .partitions = partitions,
                              .journal_id = journal_id,
                              .term = term};
    c->partition = calloc(partitions, sizeof *c->partition);
    ASSERT(c->partition);
    for (uint32_t p = 0; p < partitions; p++)
        c->partition[p].scorer = c->partition[p].validator = c->partition[p].validator_next = WORKER_NONE;
}

void coordinator_free(struct coordinator *c)
{
    for (uint32_t p = 0; p < c->partitions; p++)
        free(c->partition[p].flight), free(c->partition[p].damage);
    for (int w = 0; w < c->worker_count; w++)
        free(c->worker[w].counter);
    free(c->partition);
    free(c->tally);
    buffer_free(&c->rest);
    map_free(&c->tally_of);
}

/* ---- workers ---- */

static int worker_of_peer(const struct coordinator *c, uint64_t peer)
{
    for (int w = 0; w < c->worker_count; w++)
        if (c->worker[w].alive && c->worker[w].peer == peer)
            return w;
    return WORKER_NONE;
}

static void to_worker(struct coordinator *c, int w, uint32_t kind, const ProtobufCMessage *message)
{
    if (c->io->send(c->io->ctx, INGESTOR_WORK, c->worker[w].peer, kind, message) == ERR_BUSY)
        metric_add(c->metrics, sends_full, 1);
}

static void partition_enter(struct coordinator *c, uint32_t p, enum partition_state state, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (part->state == PARTITION_OWNED)
        part->paused_us = now_us;
    STATE_ENTER(&partition_machine, part->state, state);
    part->entered_us = part->progress_us = now_us;
    part->asked_us = INT64_MIN / 2;
    if (state == PARTITION_UNOWNED) {
        flow_recall(c, p);
        part->scorer = WORKER_NONE;
    }
    c->rebalance = true;
}

/* Whoever has it: what is under way under the present owner epoch has no effect any more. */
static void partition_take_away(struct coordinator *c, uint32_t p, int64_t now_us)
{
    if (c->partition[p].state != PARTITION_UNOWNED)
        partition_enter(c, p, PARTITION_UNOWNED, now_us);
}

static void worker_lost(struct coordinator *c, int w, const char *why, int64_t now_us)
{
    struct worker *worker = &c->worker[w];
    worker->alive = false;
    if (worker->leaving) {
        tell(c->io, TELL_INFO, "worker.left", "instance=%s", worker->instance);
    } else {
        metric_add(c->metrics, workers_lost, 1);
        tell(c->io, TELL_WARN, "worker.lost", "instance=%s why=\"%s\"", worker->instance, why);
    }
    for (uint32_t p = 0; p < c->partitions; p++) {
        struct partition *part = &c->partition[p];
        if (part->scorer == w)
            partition_enter(c, p, PARTITION_UNOWNED, now_us);
        if (part->validator_next == w)
            part->validator_next = WORKER_NONE;
        if (part->validator == w) {
            part->validator = WORKER_NONE;
            flow_recall(c, p);
        }
    }
    c->rebalance = true;
}

/* A slot for the instance: its old one, a dead one, or a new one. */
static int worker_slot(struct coordinator *c, const char *instance)
{
    int vacant = WORKER_NONE;
    for (int w = 0; w < c->worker_count; w++) {
        if (strcmp(c->worker[w].instance, instance) == 0)
            return w;
        if (!c->worker[w].alive && vacant == WORKER_NONE)
            vacant = w;
    }
    if (vacant != WORKER_NONE)
        return vacant;
    return c->worker_count < WORKERS_MAX ? c->worker_count++ : WORKER_NONE;
}

static void hear_controls(struct coordinator *c, struct worker *worker, uint64_t control_seq)
{
    bool before = worker_knows_enough(worker);
    if (control_seq > worker->controls)
        worker->controls = control_seq;
    c->rebalance |= worker_knows_enough(worker) != before;
}

static void welcome(struct coordinator *c, int w)
{
    Parbus__WorkerWelcome m = PARBUS__WORKER_WELCOME__INIT;
    m.has_partitions = m.has_term = m.has_journal_id = m.has_control_seq = 1;
    m.partitions = c->partitions;
    m.term = c->term;
    m.journal_id = c->journal_id;
    m.control_seq = c->controls;
    to_worker(c, w, PARBUS__TO_WORKER__BODY_WELCOME, &m.base);
}

static void on_hello(struct coordinator *c, uint64_t peer, const Parbus__WorkerHello *hello, int64_t now_us)
{
    int w = worker_slot(c, hello->instance);
    if (w == WORKER_NONE) {
        tell(c->io, TELL_WARN, "worker.too_many", "instance=%s most=%d", hello->instance, WORKERS_MAX);
        return;
    }
    struct worker *worker = &c->worker[w];
    bool known = strcmp(worker->instance, hello->instance) == 0;
    bool heard_of = known && worker->incarnation == hello->incarnation;
    bool same = worker->alive && heard_of;
    if (known && !heard_of && !worker->leaving)
        ends_add(&c->ends, worker->instance, now_us);
    if (worker->alive && !same)
        worker_lost(c, w, "replaced by a new incarnation", now_us);
    if (!same) {
        free(worker->counter);
        *worker =
            (struct worker){.alive = true, .role = hello->role, .incarnation = hello->incarnation, .pid = hello->pid};
        worker->joined_us = now_us;
        snprintf(worker->instance, sizeof worker->instance, "%s", hello->instance);
        snprintf(worker->endpoint, sizeof worker->endpoint, "%s", hello->endpoint ? hello->endpoint : "");
        worker->name_hash = hash_bytes(worker->instance, strlen(worker->instance));
        worker->needs = c->controls;
        c->rebalance = true;
        metric_add(c->metrics, workers_joined, 1);
        tell(c->io, TELL_INFO, "worker.joined", "instance=%s pid=%u", worker->instance, worker->pid);
    }
    if (!heard_of && suspects_report(c, hello))
        partition_take_away(c, hello->unfinished->partition, now_us);
    worker->peer = peer;
    worker->heard_us = now_us;
    hear_controls(c, worker, hello->control_seq);
    welcome(c, w);
    if (worker->controls < c->controls)
        announce_from(c, peer, worker->controls + 1, 0);
}

static void on_heartbeat(struct worker *worker, const Parbus__Heartbeat *beat)
{
    snprintf(worker->trouble, sizeof worker->trouble, "%s", beat->trouble ? beat->trouble : "");
    wire_utf8_mend(worker->trouble);
    size_t n = beat->n_counter < WORKER_COUNTERS_MAX ? beat->n_counter : WORKER_COUNTERS_MAX;
    worker->counter = realloc(worker->counter, (n ? n : 1) * sizeof *worker->counter);
    ASSERT(worker->counter);
    worker->counter_count = n;
    for (size_t i = 0; i < n; i++) {
        const char *name = beat->counter[i]->name;
        snprintf(worker->counter[i].name, sizeof worker->counter[i].name, "%s", name ? name : "");
        worker->counter[i].value = beat->counter[i]->value;
    }
}

/* ---- partitions ---- */

/* Rendezvous hashing (Thaler, Ravishankar 1998): the live worker with the greatest hash of (worker, partition). */
static int16_t rendezvous(const struct coordinator *c, Parbus__Role role, uint32_t p)
{
    int best = WORKER_NONE;
    uint64_t most = 0;
    for (int w = 0; w < c->worker_count; w++) {
        const struct worker *worker = &c->worker[w];
        if (!worker->alive || worker->leaving || worker->role != role || !worker_knows_enough(worker))
            continue;
        uint64_t weight = hash_mix(worker->name_hash ^ hash_mix(p + 1));
        if (best == WORKER_NONE || weight > most)
            best = w, most = weight;
    }
    return (int16_t)best;
}

static void assign(struct coordinator *c, uint32_t p, int16_t scorer, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    part->scorer = scorer;
    part->owner_epoch = c->term << 32 | ++c->epochs;
    part->heard = 0;
    part->missed = false;
    partition_enter(c, p, PARTITION_ASSIGNING, now_us);
    metric_add(c->metrics, partitions_moved, 1);
}

static void rebalance(struct coordinator *c, int64_t now_us)
{
    c->rebalance = false;
    for (uint32_t p = 0; p < c->partitions; p++) {
        struct partition *part = &c->partition[p];
        int16_t scorer = rendezvous(c, PARBUS__ROLE__ROLE_SCORER, p);
        if (part->state == PARTITION_UNOWNED && scorer != WORKER_NONE && now_us >= part->rest_until_us)
            assign(c, p, scorer, now_us);
        else if (part->state == PARTITION_OWNED && scorer != WORKER_NONE && scorer != part->scorer)
            partition_enter(c, p, PARTITION_RELEASING, now_us);
        else if (part->state == PARTITION_OWNED && scorer == WORKER_NONE && c->worker[part->scorer].leaving)
            partition_enter(c, p, PARTITION_RELEASING, now_us);
        part->validator_next = rendezvous(c, PARBUS__ROLE__ROLE_VALIDATOR, p);
    }
}

static void ask(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (now_us - part->asked_us < ASK_AGAIN_US)
        return;
    part->asked_us = now_us;
    if (part->state == PARTITION_ASSIGNING || (part->state == PARTITION_OWNED && part->missed)) {
        Parbus__Assign m = PARBUS__ASSIGN__INIT;
        m.has_partition = m.has_owner_epoch = 1;
        m.partition = p;
        m.owner_epoch = part->owner_epoch;
        to_worker(c, part->scorer, PARBUS__TO_WORKER__BODY_ASSIGN, &m.base);
    } else if (part->state == PARTITION_RELEASING) {
        Parbus__Release m = PARBUS__RELEASE__INIT;
        m.has_partition = m.has_owner_epoch = 1;
        m.partition = p;
        m.owner_epoch = part->owner_epoch;
        to_worker(c, part->scorer, PARBUS__TO_WORKER__BODY_RELEASE, &m.base);
    }
}

/* The partition a message is about, when it comes from its present owner (rule I4); else NULL. */
static struct partition *owned_by(struct coordinator *c, int w, uint32_t p, uint64_t owner_epoch)
{
    if (p >= c->partitions || c->partition[p].owner_epoch != owner_epoch || c->partition[p].scorer != w) {
        metric_add(c->metrics, records_not_owned, 1);
        return NULL;
    }
    return &c->partition[p];
}

/* State has come further than this journal or its term, so what follows would never be applied. Nobody but an operator
 * can put that right; a greater owner epoch is tried now and then, for ours grow; what was applied and is not in the
 * journal must not be built upon, however long the journal gets. */
static void state_is_ahead(struct coordinator *c, uint32_t p, int64_t rest_until_us, int64_t now_us)
{
    tell(c->io, TELL_ERROR, "partition.state_ahead",
         "partition=%u why=\"state is ahead of the journal: was the journal taken back from a copy? Stop, delete "
         "state, and it is built again\"",
         p);
    c->partition[p].rest_until_us = rest_until_us;
    partition_enter(c, p, PARTITION_UNOWNED, now_us);
}

/* Owned holds all tallies, so it makes up for whatever was lost before it. */
static void hear_all(struct partition *part, uint64_t serial)
{
    if (serial < part->heard)
        return;
    part->heard = serial;
    part->missed = false;
}

static void hear_some(struct partition *part, uint64_t serial)
{
    if (serial > part->heard + 1)
        part->missed = true;
    if (serial > part->heard)
        part->heard = serial;
}

static void on_owned(struct coordinator *c, int w, const Parbus__Owned *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part || (part->state != PARTITION_ASSIGNING && part->state != PARTITION_OWNED))
        return;
    if (m->applied > part->last) {
        state_is_ahead(c, m->partition, INT64_MAX, now_us);
        return;
    }
    tallies_take(c, m->partition, m->tally, m->n_tally);
    hear_all(part, m->serial);
    if (part->state == PARTITION_OWNED) {
        flow_applied(c, m->partition, m->applied, now_us);
        return;
    }
    flow_recall(c, m->partition);
    part->sent = part->applied = m->applied;
    part->patience = 0;
    partition_enter(c, m->partition, PARTITION_OWNED, now_us);
}

static void on_released(struct coordinator *c, int w, const Parbus__Released *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part)
        return;
    if (m->lost && part->state == PARTITION_ASSIGNING) { /* I5b: a greater epoch than any of ours */
        state_is_ahead(c, m->partition, now_us + REFUSED_REST_US, now_us);
        return;
    }
    if (m->lost)
        tell(c->io, TELL_WARN, "partition.lost", "partition=%u instance=%s", m->partition, c->worker[w].instance);
    partition_enter(c, m->partition, PARTITION_UNOWNED, now_us);
}

static void on_progress(struct coordinator *c, int w, const Parbus__Progress *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part)
        return;
    tallies_take(c, m->partition, m->tally, m->n_tally);
    hear_some(part, m->serial);
    flow_applied(c, m->partition, m->applied, now_us);
}

static void on_gap(struct coordinator *c, int w, const Parbus__Gap *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part || part->state != PARTITION_OWNED || m->applied < part->applied || m->applied >= part->sent)
        return;
    flow_send_from(c, m->partition, m->applied, now_us);
}

static void on_controls_wanted(struct coordinator *c, int w, const Parbus__ControlsWanted *m)
{
    hear_controls(c, &c->worker[w], m->first - 1);
    announce_from(c, c->worker[w].peer, m->first, m->piece_offset);
}

/* A scorer forgets its partitions when it is told WhoAreYou; those it does not name any more are given to it again
 * (I2). */
static void check_owned(struct coordinator *c, int w, const Parbus__Heartbeat *beat)
{
    uint8_t held[JOURNAL_PARTITIONS_MAX / 8] = {0};
    for (size_t i = 0; i < beat->n_owned; i++)
        if (beat->owned[i] < JOURNAL_PARTITIONS_MAX)
            held[beat->owned[i] / 8] |= (uint8_t)(1u << beat->owned[i] % 8);
    for (uint32_t p = 0; p < c->partitions; p++)
        if (c->partition[p].scorer == w && c->partition[p].state == PARTITION_OWNED)
            c->partition[p].missed |= !(held[p / 8] >> p % 8 & 1);
}

void coordinator_message(struct coordinator *c, uint64_t peer, const struct wire_message *m, int64_t now_us)
{
    if (m->kind == PARBUS__TO_COORDINATOR__BODY_HELLO) {
        on_hello(c, peer, (const Parbus__WorkerHello *)m->message, now_us);
        return;
    }
    int w = worker_of_peer(c, peer);
    if (w == WORKER_NONE) {
        Parbus__WhoAreYou who = PARBUS__WHO_ARE_YOU__INIT;
        c->io->send(c->io->ctx, INGESTOR_WORK, peer, PARBUS__TO_WORKER__BODY_WHO_ARE_YOU, &who.base);
        return;
    }
    c->worker[w].heard_us = now_us;
    switch (m->kind) {
    case PARBUS__TO_COORDINATOR__BODY_HEARTBEAT:
        on_heartbeat(&c->worker[w], (const Parbus__Heartbeat *)m->message);
        check_owned(c, w, (const Parbus__Heartbeat *)m->message);
        hear_controls(c, &c->worker[w], ((const Parbus__Heartbeat *)m->message)->control_seq);
        announce_last(c, peer, c->worker[w].controls);
        break;
    case PARBUS__TO_COORDINATOR__BODY_OWNED:
        on_owned(c, w, (const Parbus__Owned *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_RELEASED:
        on_released(c, w, (const Parbus__Released *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_PROGRESS:
        on_progress(c, w, (const Parbus__Progress *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_GAP:
        on_gap(c, w, (const Parbus__Gap *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED:
        on_controls_wanted(c, w, (const Parbus__ControlsWanted *)m->message);
        break;
    case PARBUS__TO_COORDINATOR__BODY_LEAVE:
        c->worker[w].leaving = c->rebalance = true;
        break;
    }
}

void coordinator_pump(struct coordinator *c, int64_t now_us)
{
    /* Begins elsewhere each time, so that a scorer's window is shared by all its partitions. */
    c->pump_first = (c->pump_first + 1) % c->partitions;
    for (uint32_t i = 0; i < c->partitions; i++)
        flow_pump(c, (c->pump_first + i) % c->partitions, now_us);
}

static void check_partition(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (part->state == PARTITION_RELEASING && now_us - part->entered_us > c->settings->release_timeout_ms * 1000) {
        tell(c->io, TELL_WARN, "partition.release_timeout", "partition=%u instance=%s", p,
             c->worker[part->scorer].instance);
        partition_enter(c, p, PARTITION_UNOWNED, now_us);
    }
    if (part->rest_until_us && now_us >= part->rest_until_us) {
        part->rest_until_us = 0;
        c->rebalance = true;
    }
    if (part->state == PARTITION_OWNED)
        flow_resend_overdue(c, p, now_us);
    ask(c, p, now_us);
}

int64_t coordinator_tick(struct coordinator *c, int64_t now_us)
{
    for (int w = 0; w < c->worker_count; w++)
        if (c->worker[w].alive && now_us - c->worker[w].heard_us > c->settings->worker_lease_ms * 1000)
            worker_lost(c, w, "silent for worker_lease_ms", now_us);
    suspects_forget_applied(c);
    for (int round = 0; c->rebalance && round < 3; round++)
        rebalance(c, now_us);
    for (uint32_t p = 0; p < c->partitions; p++)
        check_partition(c, p, now_us);
    flow_watch_standstill(c, now_us);
    coordinator_pump(c, now_us);
    coordinator_sample(c, now_us);
    coordinator_assert(c);
    return c->rebalance ? now_us : now_us + CHECK_US;
}
