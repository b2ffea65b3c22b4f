#include "services/ingestor/roster.h"
#include "base/bytes.h"
#include "base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

STATE_MACHINE(worker_machine, "worker", WORKER_EDGES, "vacant", "joining", "live", "leaving", "dead", "left");

int roster_find(const struct coordinator *c, uint64_t peer)
{
    for (int w = 0; w < c->worker_count; w++)
        if (worker_alive(&c->worker[w]) && c->worker[w].peer == peer)
            return w;
    return WORKER_NONE;
}

int roster_slot(struct coordinator *c, const char *instance)
{
    int free_slot = WORKER_NONE;
    for (int w = 0; w < c->worker_count; w++) {
        if (strcmp(c->worker[w].instance, instance) == 0)
            return w;
        if (!worker_alive(&c->worker[w]) && free_slot == WORKER_NONE)
            free_slot = w;
    }
    if (free_slot != WORKER_NONE)
        return free_slot;
    return c->worker_count < WORKERS_MAX ? c->worker_count++ : WORKER_NONE;
}

void roster_enter(struct coordinator *c, int w, enum worker_state state)
{
    STATE_ENTER(&worker_machine, c->worker[w].state, state);
    c->rebalance = true;
}

void roster_join(struct coordinator *c, int w, const Parbus__WorkerHello *hello, int64_t now_us)
{
    struct worker *worker = &c->worker[w];
    free(worker->counter);
    *worker = (struct worker){
        .state = worker->state, .role = hello->role, .incarnation = hello->incarnation, .pid = hello->pid};
    worker->joined_us = now_us;
    snprintf(worker->instance, sizeof worker->instance, "%s", hello->instance);
    snprintf(worker->endpoint, sizeof worker->endpoint, "%s", hello->endpoint ? hello->endpoint : "");
    worker->name_hash = hash_bytes(worker->instance, strlen(worker->instance));
    worker->needs = c->controls;
    roster_enter(c, w, WORKER_JOINING);
    metric_add(c->metrics, workers_joined, 1);
    tell(c->io, TELL_INFO, "worker.joined", "instance=%s pid=%u", worker->instance, worker->pid);
}

void roster_knows(struct coordinator *c, int w, uint64_t control_seq)
{
    struct worker *worker = &c->worker[w];
    if (control_seq > worker->controls)
        worker->controls = control_seq;
    if (worker->state == WORKER_JOINING && worker->controls >= worker->needs)
        roster_enter(c, w, WORKER_LIVE);
}

void roster_beat(struct worker *worker, const Parbus__Heartbeat *beat)
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

int16_t roster_choose(const struct coordinator *c, Parbus__Role role, uint32_t p)
{
    int best = WORKER_NONE;
    uint64_t most = 0;
    for (int w = 0; w < c->worker_count; w++) {
        const struct worker *worker = &c->worker[w];
        if (worker->state != WORKER_LIVE || worker->role != role)
            continue;
        uint64_t weight = hash_mix(worker->name_hash ^ hash_mix(p + 1));
        if (best == WORKER_NONE || weight > most)
            best = w, most = weight;
    }
    return (int16_t)best;
}

void roster_send(struct coordinator *c, int w, uint32_t kind, const ProtobufCMessage *message)
{
    if (c->io->send(c->io->ctx, INGESTOR_WORK, c->worker[w].peer, kind, message) == ERR_BUSY)
        metric_add(c->metrics, sends_full, 1);
}
