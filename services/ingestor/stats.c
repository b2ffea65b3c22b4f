#include "base/err.h"
#include "services/ingestor/coordinator.h"
#include "services/ingestor/flow.h"

uint64_t coordinator_lag(const struct coordinator *c)
{
    uint64_t lag = 0;
    for (uint32_t p = 0; p < c->partitions; p++)
        lag += flow_lag(c, p);
    return lag;
}

static const char *const state_names[] = {"unowned", "assigning", "owned", "releasing"};

static char *name_of(struct coordinator *c, int w) { return w == WORKER_NONE ? "" : c->worker[w].instance; }

static Parbus__PartitionStats *partition_stats(struct coordinator *c, struct arena *arena, uint32_t p)
{
    const struct partition *part = &c->partition[p];
    Parbus__PartitionStats *s = arena_alloc(arena, sizeof *s);
    ASSERT(s);
    *s = (Parbus__PartitionStats)PARBUS__PARTITION_STATS__INIT;
    s->has_partition = s->has_owner_epoch = s->has_last_pseq = s->has_sent_pseq = s->has_applied_pseq = 1;
    s->partition = p;
    s->state = (char *)state_names[part->state];
    s->scorer = name_of(c, part->scorer);
    s->validator = name_of(c, part->validator);
    s->owner_epoch = part->owner_epoch;
    s->last_pseq = part->last;
    s->sent_pseq = part->sent;
    s->applied_pseq = part->applied;
    return s;
}

static uint32_t partitions_of(const struct coordinator *c, int w)
{
    uint32_t n = 0;
    for (uint32_t p = 0; p < c->partitions; p++)
        n += c->worker[w].role == PARBUS__ROLE__ROLE_VALIDATOR
                 ? c->partition[p].validator == w
                 : c->partition[p].scorer == w && c->partition[p].state == PARTITION_OWNED;
    return n;
}

static Parbus__WorkerStats *worker_stats(struct coordinator *c, struct arena *arena, int w, int64_t now_us)
{
    static const char *const services[] = {"?", "validator", "scorer", "publisher"};
    struct worker *worker = &c->worker[w];
    Parbus__WorkerStats *s = arena_alloc(arena, sizeof *s);
    ASSERT(s);
    *s = (Parbus__WorkerStats)PARBUS__WORKER_STATS__INIT;
    s->has_partitions = s->has_heartbeat_age_ms = s->has_pid = 1;
    s->service = (char *)services[worker->role & 3];
    s->instance = worker->instance;
    s->partitions = partitions_of(c, w);
    s->heartbeat_age_ms = (uint64_t)(now_us - worker->heard_us) / 1000;
    s->state = !worker->alive ? "dead" : worker->leaving ? "leaving" : "live";
    s->pid = worker->pid;
    return s;
}

static void worker_counters(struct worker *worker, Parbus__StatsReply *reply, struct arena *arena, const char *service)
{
    for (size_t i = 0; i < worker->counter_count; i++) {
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
static bool worth_showing(const struct worker *worker) { return worker->alive || !worker->leaving; }

void coordinator_stats(struct coordinator *c, Parbus__StatsReply *reply, struct arena *arena, int64_t now_us)
{
    reply->has_lag = 1;
    reply->lag = coordinator_lag(c);
    reply->partition = arena_alloc(arena, c->partitions * sizeof *reply->partition);
    reply->worker = arena_alloc(arena, (size_t)(c->worker_count + 1) * sizeof *reply->worker);
    ASSERT(reply->partition && reply->worker);
    for (uint32_t p = 0; p < c->partitions; p++)
        reply->partition[reply->n_partition++] = partition_stats(c, arena, p);
    for (int w = 0; w < c->worker_count; w++) {
        if (!worth_showing(&c->worker[w]))
            continue;
        Parbus__WorkerStats *s = reply->worker[reply->n_worker++] = worker_stats(c, arena, w, now_us);
        worker_counters(&c->worker[w], reply, arena, s->service);
    }
}
