#include "services/ingestor/coordinator.h"
#include "base/deadline.h"
#include "base/err.h"
#include "services/ingestor/agenda.h"
#include "services/ingestor/announce.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/invariants.h"
#include "services/ingestor/ownership.h"
#include "services/ingestor/reports.h"
#include "services/ingestor/roster.h"
#include "services/ingestor/suspects.h"
#include <stdlib.h>
#include <string.h>

enum { CHECK_US = 50000 };

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
    c->agenda = calloc(partitions, sizeof *c->agenda);
    ASSERT(c->partition && c->agenda);
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
    free(c->agenda);
    free(c->tally);
    buffer_free(&c->rest);
    map_free(&c->tally_of);
}

/* ---- who comes and goes ---- */

static void lose(struct coordinator *c, int w, const char *why, int64_t now_us)
{
    const struct worker *worker = &c->worker[w];
    if (worker->state == WORKER_LEAVING) {
        tell(c->io, TELL_INFO, "worker.left", "instance=%s", worker->instance);
        roster_enter(c, w, WORKER_LEFT);
    } else {
        metric_add(c->metrics, workers_lost, 1);
        tell(c->io, TELL_WARN, "worker.lost", "instance=%s why=\"%s\"", worker->instance, why);
        roster_enter(c, w, WORKER_DEAD);
    }
    ownership_worker_gone(c, w, now_us);
}

static void welcome(struct coordinator *c, int w)
{
    Parbus__WorkerWelcome m = PARBUS__WORKER_WELCOME__INIT;
    m.has_partitions = m.has_term = m.has_journal_id = m.has_control_seq = 1;
    m.partitions = c->partitions;
    m.term = c->term;
    m.journal_id = c->journal_id;
    m.control_seq = c->controls;
    roster_send(c, w, PARBUS__TO_WORKER__BODY_WELCOME, &m.base);
}

/* Whose slot it is: the process of this hello, another one under its name, or somebody else. */
enum acquaintance { STRANGER, SUCCESSOR, ACQUAINTANCE };

static enum acquaintance acquaintance(const struct worker *slot, const Parbus__WorkerHello *hello)
{
    if (strcmp(slot->instance, hello->instance) != 0)
        return STRANGER;
    return slot->incarnation == hello->incarnation ? ACQUAINTANCE : SUCCESSOR;
}

static bool in_good_order(const struct worker *w) { return w->state == WORKER_LEAVING || w->state == WORKER_LEFT; }

static void greet(struct coordinator *c, int w, const Parbus__WorkerHello *hello, int64_t now_us)
{
    struct worker *worker = &c->worker[w];
    enum acquaintance as = acquaintance(worker, hello);
    if (as == SUCCESSOR && !in_good_order(worker))
        ends_add(&c->ends, worker->instance, now_us);
    if (as != ACQUAINTANCE && worker_alive(worker))
        lose(c, w, "replaced by a new incarnation", now_us);
    if (!worker_alive(worker))
        roster_join(c, w, hello, now_us);
    if (as != ACQUAINTANCE && suspects_report(c, hello))
        ownership_take_away(c, hello->unfinished->partition, now_us);
}

static void on_hello(struct coordinator *c, uint64_t peer, const Parbus__WorkerHello *hello, int64_t now_us)
{
    int w = roster_slot(c, hello->instance);
    if (w == WORKER_NONE) {
        tell(c->io, TELL_WARN, "worker.too_many", "instance=%s most=%d", hello->instance, WORKERS_MAX);
        return;
    }
    greet(c, w, hello, now_us);
    struct worker *worker = &c->worker[w];
    worker->peer = peer;
    worker->heard_us = now_us;
    roster_knows(c, w, hello->control_seq);
    welcome(c, w);
    if (worker->controls < c->controls)
        announce_from(c, peer, worker->controls + 1, 0);
}

static void on_leave(struct coordinator *c, int w)
{
    if (c->worker[w].state != WORKER_LEAVING)
        roster_enter(c, w, WORKER_LEAVING);
}

/* Returns when the next lease ends. */
static int64_t lose_silent(struct coordinator *c, int64_t now_us)
{
    int64_t next_us = INT64_MAX;
    for (int w = 0; w < c->worker_count; w++) {
        int64_t over_us = c->worker[w].heard_us + c->settings->worker_lease_ms * 1000 + 1;
        if (!worker_alive(&c->worker[w]))
            continue;
        if (now_us >= over_us)
            lose(c, w, "silent for worker_lease_ms", now_us);
        else
            next_us = earlier_us(next_us, over_us);
    }
    return next_us;
}

/* ---- messages ---- */

static void on_heartbeat(struct coordinator *c, int w, const Parbus__Heartbeat *beat, int64_t now_us)
{
    roster_beat(&c->worker[w], beat);
    reports_held(c, w, beat, now_us);
    roster_knows(c, w, beat->control_seq);
    announce_last(c, c->worker[w].peer, c->worker[w].controls);
}

static void on_controls_wanted(struct coordinator *c, int w, const Parbus__ControlsWanted *m)
{
    roster_knows(c, w, m->first - 1);
    announce_from(c, c->worker[w].peer, m->first, m->piece_offset);
}

static void who_are_you(struct coordinator *c, uint64_t peer)
{
    Parbus__WhoAreYou who = PARBUS__WHO_ARE_YOU__INIT;
    c->io->send(c->io->ctx, INGESTOR_WORK, peer, PARBUS__TO_WORKER__BODY_WHO_ARE_YOU, &who.base);
}

static void from_member(struct coordinator *c, int w, const struct wire_message *m, int64_t now_us)
{
    switch (m->kind) {
    case PARBUS__TO_COORDINATOR__BODY_HEARTBEAT:
        on_heartbeat(c, w, (const Parbus__Heartbeat *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_OWNED:
        reports_owned(c, w, (const Parbus__Owned *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_RELEASED:
        reports_released(c, w, (const Parbus__Released *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_PROGRESS:
        reports_progress(c, w, (const Parbus__Progress *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_GAP:
        reports_gap(c, w, (const Parbus__Gap *)m->message, now_us);
        break;
    case PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED:
        on_controls_wanted(c, w, (const Parbus__ControlsWanted *)m->message);
        break;
    case PARBUS__TO_COORDINATOR__BODY_LEAVE:
        on_leave(c, w);
        break;
    }
}

void coordinator_message(struct coordinator *c, uint64_t peer, const struct wire_message *m, int64_t now_us)
{
    if (m->kind == PARBUS__TO_COORDINATOR__BODY_HELLO) {
        on_hello(c, peer, (const Parbus__WorkerHello *)m->message, now_us);
        return;
    }
    int w = roster_find(c, peer);
    if (w == WORKER_NONE) {
        who_are_you(c, peer);
        return;
    }
    c->worker[w].heard_us = now_us;
    from_member(c, w, m, now_us);
}

/* ---- time ---- */

/* Where on the agenda to begin: at the first partition from pump_first on, which moves on by one each time, so that a
 * scorer's window is shared by all its partitions. */
static uint32_t pump_begin(struct coordinator *c)
{
    uint32_t begin = 0, least = UINT32_MAX;
    c->pump_first = (c->pump_first + 1) % c->partitions;
    for (uint32_t i = 0; i < c->agenda_count; i++) {
        uint32_t away = (c->agenda[i] + c->partitions - c->pump_first) % c->partitions;
        if (away < least)
            begin = i, least = away;
    }
    return begin;
}

static void pump(struct coordinator *c, int64_t now_us)
{
    uint32_t begin = pump_begin(c);
    for (uint32_t i = 0; i < c->agenda_count; i++)
        flow_pump(c, c->agenda[(begin + i) % c->agenda_count], now_us);
}

int64_t coordinator_tick(struct coordinator *c, int64_t now_us)
{
    int64_t due_us = lose_silent(c, now_us);
    suspects_forget_applied(c);
    if (c->rebalance)
        ownership_rebalance(c, now_us);
    for (uint32_t i = 0; i < c->agenda_count; i++)
        ownership_look(c, c->agenda[i], now_us);
    flow_watch_standstill(c, now_us);
    pump(c, now_us);
    due_us = earlier_us(due_us, coordinator_sample(c, now_us));
    coordinator_assert(c);
    agenda_tidy(c);
    return c->agenda_count ? earlier_us(due_us, now_us + CHECK_US) : due_us;
}
