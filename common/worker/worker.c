#include "worker/worker.h"
#include "base/deadline.h"
#include "wire/reason.h"
#include "wire/wire.h"

STATE_MACHINE(duty_machine, "duty", DUTY_EDGES, "on", "leaving", "over");

enum { COUNTERS_MAX = METRIC_COUNT + 256 };

void worker_init(struct worker *w, const struct worker_config *config, wire_send_fn *send, void *ctx, int64_t now_us)
{
    *w = (struct worker){.config = *config, .send = send, .ctx = ctx};
    if (!config->records)
        w->config.records = &record_source_message;
    membership_init(&w->membership, now_us, config->heartbeat_us);
    follow_init(&w->follow, config->catalog);
}

void worker_free(struct worker *w) { follow_free(&w->follow); }

static bool is_member(const struct worker *w) { return w->membership.state == MEMBERSHIP_MEMBER; }
static uint64_t known(const struct worker *w) { return catalog_control_seq(w->config.catalog); }

static void send_to_coordinator(struct worker *w, uint32_t kind, const ProtobufCMessage *message)
{
    w->send(w->ctx, WORKER_COORDINATOR, WORKER_PEER, kind, message);
}

static void say_hello(struct worker *w)
{
    Parbus__WorkerHello hello = PARBUS__WORKER_HELLO__INIT;
    hello.has_protocol_version = hello.has_role = hello.has_pid = hello.has_incarnation = 1;
    hello.protocol_version = WIRE_PROTOCOL_VERSION;
    hello.role = w->config.role;
    hello.instance = (char *)w->config.instance;
    hello.endpoint = (char *)w->config.endpoint;
    hello.pid = w->config.pid;
    hello.incarnation = w->config.incarnation;
    hello.has_control_seq = 1;
    hello.control_seq = known(w);
    Parbus__Unfinished unfinished = PARBUS__UNFINISHED__INIT;
    if (w->config.unfinished.pseq) {
        unfinished.has_partition = unfinished.has_pseq = 1;
        unfinished.partition = w->config.unfinished.partition;
        unfinished.pseq = w->config.unfinished.pseq;
        hello.unfinished = &unfinished;
    }
    send_to_coordinator(w, PARBUS__TO_COORDINATOR__BODY_HELLO, &hello.base);
}

struct counters {
    size_t count;
    Parbus__Counter counter[COUNTERS_MAX];
    Parbus__Counter *pointer[COUNTERS_MAX];
};

static void add_counter(struct counters *c, const char *name, uint64_t value)
{
    Parbus__Counter *counter = &c->counter[c->count];
    *counter = (Parbus__Counter)PARBUS__COUNTER__INIT;
    counter->name = (char *)name;
    counter->has_value = 1;
    counter->value = value;
    c->pointer[c->count++] = counter;
}

static void collect(struct counters *c, const struct metrics *m)
{
    c->count = 0;
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        if (m->value[i])
            add_counter(c, metric_name((enum metric)i), m->value[i]);
    for (unsigned i = 0; i < 256; i++)
        if (m->reason[i])
            add_counter(c, reason_of((Parbus__Reason)i)->counter, m->reason[i]);
}

static void send_heartbeat(struct worker *w, const struct metrics *metrics, const uint32_t *owned, size_t owned_count)
{
    struct counters counters;
    collect(&counters, metrics);
    Parbus__Heartbeat heartbeat = PARBUS__HEARTBEAT__INIT;
    heartbeat.n_counter = counters.count;
    heartbeat.counter = counters.pointer;
    heartbeat.n_owned = owned_count;
    heartbeat.owned = (uint32_t *)owned;
    heartbeat.trouble = (char *)w->trouble;
    heartbeat.has_control_seq = 1;
    heartbeat.control_seq = known(w);
    send_to_coordinator(w, PARBUS__TO_COORDINATOR__BODY_HEARTBEAT, &heartbeat.base);
}

static void send_leave(struct worker *w)
{
    Parbus__Leave leave = PARBUS__LEAVE__INIT;
    send_to_coordinator(w, PARBUS__TO_COORDINATOR__BODY_LEAVE, &leave.base);
}

static void ask_for_controls(struct worker *w, int64_t now_us)
{
    Parbus__ControlsWanted ask;
    if (is_member(w) && follow_ask(&w->follow, &ask, now_us))
        send_to_coordinator(w, PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED, &ask.base);
}

bool worker_tick(struct worker *w, const struct metrics *metrics, const uint32_t *owned, size_t owned_count,
                 int64_t now_us)
{
    bool beat = false;
    ask_for_controls(w, now_us);
    for (;;) {
        switch (membership_tick(&w->membership, now_us)) {
        case MEMBERSHIP_NOTHING:
            return beat;
        case MEMBERSHIP_HELLO:
            if (w->duty == DUTY_ON)
                say_hello(w);
            break;
        case MEMBERSHIP_HEARTBEAT:
            beat = true;
            send_heartbeat(w, metrics, owned, owned_count);
            if (worker_leaves(w))
                send_leave(w);
            break;
        }
    }
}

int64_t worker_deadline_us(const struct worker *w)
{
    int64_t beat_us = membership_deadline_us(&w->membership);
    return is_member(w) ? earlier_us(beat_us, follow_deadline_us(&w->follow)) : beat_us;
}

void worker_end(struct worker *w, enum err err, const struct err_text *why)
{
    ASSERT(err != OK);
    if (w->duty == DUTY_OVER)
        return;
    STATE_ENTER(&duty_machine, w->duty, DUTY_OVER);
    w->over = err;
    w->why_over = *why;
}

enum err worker_over(const struct worker *w, struct err_text *e)
{
    ASSERT((w->duty == DUTY_OVER) == (w->over != OK));
    return w->over ? err_set(e, w->over, "%s", w->why_over.text) : OK;
}

bool worker_ready(const struct worker *w) { return is_member(w) && known(w) >= w->needs; }

bool worker_welcome(struct worker *w, const Parbus__WorkerWelcome *m, int64_t now_us)
{
    struct err_text e;
    if (w->journal_id && w->journal_id != m->journal_id)
        worker_end(w, err_set(&e, ERR_INVALID, "the ingestor serves another journal now"), &e);
    w->journal_id = m->journal_id;
    w->needs = m->control_seq;
    worker_knows(w, m->control_seq);
    return membership_welcome(&w->membership, m->term, now_us);
}

bool worker_controls(struct worker *w, const Parbus__Controls *controls, int64_t now_us)
{
    uint64_t before = known(w);
    bool ready = worker_ready(w);
    struct err_text e;
    enum err err = follow_take(&w->follow, controls, now_us, &e);
    if (err)
        worker_end(w, err_wrap(&e, err, "controls of the journal"), &e);
    if (!ready && worker_ready(w))
        membership_hurry(&w->membership, now_us); /* the coordinator waits for it */
    return known(w) != before;
}

void worker_leave(struct worker *w)
{
    if (w->duty != DUTY_ON)
        return;
    send_leave(w);
    STATE_ENTER(&duty_machine, w->duty, DUTY_LEAVING);
}

void worker_left(struct worker *w)
{
    struct err_text e;
    ASSERT(w->duty != DUTY_ON);
    worker_end(w, err_set(&e, ERR_STOPPED, "all is done"), &e);
}
