#include "base/err.h"
#include "services/ingestor/coordinator.h"
#include "services/ingestor/flow.h"
#include <string.h>

enum {
    SAMPLE_US = 2000000,
    RATE_US_LEAST = 500000,    /* over a shorter time no rate is told */
    FORGET_US = 600000000,     /* a worker that has been dead for so long is not coming back */
    NAME_ROOM = 16,            /* bytes that a text takes in a message besides its own */
    ROOM_FOR_THE_REST = 65536, /* bytes of the message kept for the envelope and all that is in no list */
};

uint64_t coordinator_lag(const struct coordinator *c)
{
    uint64_t lag = 0;
    for (uint32_t p = 0; p < c->partitions; p++)
        lag += flow_lag(c, p);
    return lag;
}

/* ---- rates ---- */

static struct sample sample_now(const struct coordinator *c, int64_t now_us)
{
    return (struct sample){now_us, c->metrics->value[METRIC_submissions_journalled], c->applied, c->behind};
}

static void take_sample(struct coordinator *c, int64_t now_us)
{
    bool first = !c->started_us;
    c->then = c->last;
    c->last = sample_now(c, now_us);
    if (first) {
        c->started_us = now_us;
        c->then = c->last;
    }
    for (int w = 0; w < c->worker_count; w++) {
        c->worker[w].done_then = c->worker[w].done_last;
        c->worker[w].done_last = c->worker[w].done;
    }
}

int64_t coordinator_sample(struct coordinator *c, int64_t now_us)
{
    if (!c->started_us || now_us - c->last.at_us >= SAMPLE_US)
        take_sample(c, now_us);
    return c->last.at_us + SAMPLE_US;
}

static uint32_t per_second(uint64_t count, int64_t us)
{
    double rate = us > 0 ? (double)count * 1e6 / (double)us : 0;
    return rate < UINT32_MAX ? (uint32_t)(rate + 0.5) : UINT32_MAX;
}

static void add_rates(const struct coordinator *c, Parbus__StatsReply *reply, int64_t now_us)
{
    int64_t us = now_us - c->then.at_us;
    if (!c->started_us)
        return;
    reply->has_alive_ms = 1;
    reply->alive_ms = (uint64_t)(now_us - c->started_us) / 1000;
    if (us < RATE_US_LEAST)
        return;
    struct sample now = sample_now(c, now_us);
    reply->has_window_ms = reply->has_received_per_s = reply->has_applied_per_s = reply->has_lag_growth = 1;
    reply->window_ms = (uint32_t)(us / 1000);
    reply->received_per_s = per_second(now.received - c->then.received, us);
    reply->applied_per_s = per_second(now.applied - c->then.applied, us);
    reply->lag_growth = (int64_t)(now.behind - c->then.behind);
}

static void add_worker_rate(const struct coordinator *c, const struct worker *worker, Parbus__WorkerStats *s,
                            int64_t now_us)
{
    int64_t from_us = worker->joined_us > c->then.at_us ? worker->joined_us : c->then.at_us;
    s->has_rate_per_s =
        c->started_us && worker->role != PARBUS__ROLE__ROLE_PUBLISHER && now_us - from_us >= RATE_US_LEAST;
    if (s->has_rate_per_s)
        s->rate_per_s = per_second(worker->done - worker->done_then, now_us - from_us);
}

/* ---- partitions and workers ---- */

static char *name_of(struct coordinator *c, int w) { return w == WORKER_NONE ? "" : c->worker[w].instance; }

/* One that has had nothing to do yet has none: then it is who would get it. */
static int validator_of(const struct partition *part)
{
    return part->validator == WORKER_NONE ? part->validator_next : part->validator;
}

static void add_pause(const struct coordinator *c, const struct partition *part, Parbus__PartitionStats *s,
                      int64_t now_us)
{
    int64_t paused_since_us = part->paused_us ? part->paused_us : c->started_us;
    s->has_paused_ms = part->state != OWNERSHIP_OWNED && paused_since_us;
    s->paused_ms = s->has_paused_ms ? (uint64_t)(now_us - paused_since_us) / 1000 : 0;
}

static void add_standstill(const struct coordinator *c, uint32_t p, Parbus__PartitionStats *s, int64_t now_us)
{
    int64_t us = flow_standstill_us(c, p, now_us);
    s->has_standstill_ms = us > 0;
    s->standstill_ms = (uint64_t)us / 1000;
}

static Parbus__PartitionStats *partition_stats(struct coordinator *c, struct arena *arena, uint32_t p, int64_t now_us)
{
    const struct partition *part = &c->partition[p];
    Parbus__PartitionStats *s = arena_alloc(arena, sizeof *s);
    ASSERT(s);
    *s = (Parbus__PartitionStats)PARBUS__PARTITION_STATS__INIT;
    s->has_partition = s->has_owner_epoch = s->has_last_pseq = s->has_sent_pseq = s->has_applied_pseq = 1;
    s->has_lag = s->has_flight_bytes = 1;
    s->partition = p;
    s->state = (char *)state_name(&ownership_machine, part->state);
    s->scorer = name_of(c, part->scorer);
    s->validator = name_of(c, validator_of(part));
    s->owner_epoch = part->owner_epoch;
    s->last_pseq = part->last;
    s->sent_pseq = part->sent;
    s->applied_pseq = part->applied;
    s->lag = flow_lag(c, p);
    s->flight_bytes = part->flight_bytes;
    add_pause(c, part, s, now_us);
    add_standstill(c, p, s, now_us);
    s->damage = part->damage;
    return s;
}

static bool has_partition(const struct coordinator *c, int w, uint32_t p)
{
    const struct partition *part = &c->partition[p];
    return c->worker[w].role == PARBUS__ROLE__ROLE_VALIDATOR ? validator_of(part) == w
                                                             : part->scorer == w && part->state == OWNERSHIP_OWNED;
}

/* The reply has the partitions already. */
static void add_partitions(const struct coordinator *c, int w, const Parbus__StatsReply *reply, Parbus__WorkerStats *s)
{
    for (uint32_t p = 0; p < c->partitions; p++)
        if (has_partition(c, w, p)) {
            s->partitions++;
            s->lag += reply->partition[p]->lag;
        }
}

static Parbus__WorkerStats *worker_stats(struct coordinator *c, struct arena *arena, int w,
                                         const Parbus__StatsReply *reply, int64_t now_us)
{
    static const char *const services[] = {"?", "validator", "scorer", "publisher"};
    struct worker *worker = &c->worker[w];
    Parbus__WorkerStats *s = arena_alloc(arena, sizeof *s);
    ASSERT(s);
    *s = (Parbus__WorkerStats)PARBUS__WORKER_STATS__INIT;
    s->has_partitions = s->has_heartbeat_age_ms = s->has_pid = s->has_lag = s->has_alive_ms = 1;
    s->service = (char *)services[worker->role & 3];
    s->instance = worker->instance;
    s->heartbeat_age_ms = (uint64_t)(now_us - worker->heard_us) / 1000;
    s->state = (char *)state_name(&worker_machine, worker->state); /* `scale` waits for "live" */
    s->pid = worker->pid;
    s->alive_ms = (uint64_t)(now_us - worker->joined_us) / 1000;
    add_partitions(c, w, reply, s);
    add_worker_rate(c, worker, s, now_us);
    s->trouble = worker->trouble;
    s->ended = ends_lately(&c->ends, worker->instance, now_us);
    s->has_ended = s->ended > 0;
    return s;
}

/* ---- counters ---- */

static void worker_counters(struct worker *worker, Parbus__StatsReply *reply, struct arena *arena, const char *service,
                            size_t *room)
{
    size_t named = strlen(service) + strlen(worker->instance) + NAME_ROOM;
    for (size_t i = 0; i < worker->counter_count; i++) {
        size_t bytes = named + strlen(worker->counter[i].name) + NAME_ROOM;
        if (bytes > *room) {
            reply->has_counters_left_out = 1;
            reply->counters_left_out++;
            continue;
        }
        *room -= bytes;
        Parbus__Counter *counter = arena_alloc(arena, sizeof *counter);
        ASSERT(counter);
        *counter = (Parbus__Counter)PARBUS__COUNTER__INIT;
        counter->service = (char *)service;
        counter->instance = worker->instance;
        counter->name = worker->counter[i].name;
        counter->has_value = 1;
        counter->value = worker->counter[i].value;
        reply->counter[reply->n_counter++] = counter;
    }
}

/* A worker that left in good order is not worth a line. */
static bool worth_showing(const struct worker *worker, int64_t now_us)
{
    return worker_alive(worker) || (worker->state == WORKER_DEAD && now_us - worker->heard_us < FORGET_US);
}

/* The largest journal, 4096 partitions, and 256 workers, all with the longest names, need 1.1 MB. */
static size_t room_for_counters(const Parbus__StatsReply *reply)
{
    size_t used = parbus__stats_reply__get_packed_size(reply) + ROOM_FOR_THE_REST;
    return used < WIRE_MESSAGE_BYTES_MAX ? WIRE_MESSAGE_BYTES_MAX - used : 0;
}

void coordinator_stats(struct coordinator *c, Parbus__StatsReply *reply, struct arena *arena, int64_t now_us)
{
    int shown[WORKERS_MAX] = {0};
    reply->has_lag = 1;
    reply->partition = arena_alloc(arena, c->partitions * sizeof *reply->partition);
    reply->worker = arena_alloc(arena, (size_t)(c->worker_count + 1) * sizeof *reply->worker);
    ASSERT(reply->partition && reply->worker);
    add_rates(c, reply, now_us);
    for (uint32_t p = 0; p < c->partitions; p++) {
        reply->partition[reply->n_partition++] = partition_stats(c, arena, p, now_us);
        reply->lag += reply->partition[p]->lag;
    }
    for (int w = 0; w < c->worker_count; w++)
        if (worth_showing(&c->worker[w], now_us)) {
            shown[reply->n_worker] = w;
            reply->worker[reply->n_worker++] = worker_stats(c, arena, w, reply, now_us);
        }
    size_t room = room_for_counters(reply);
    for (size_t i = 0; i < reply->n_worker; i++)
        worker_counters(&c->worker[shown[i]], reply, arena, reply->worker[i]->service, &room);
}
