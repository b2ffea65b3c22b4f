#include "base/err.h"
#include "services/parbus/status/ranges.h"
#include "services/parbus/status/status.h"
#include <stdlib.h>
#include <string.h>

static bool scored_by(const Parbus__PartitionStats *p, const void *instance)
{
    return !strcmp(p->state, "owned") && !strcmp(p->scorer, instance);
}

static bool validated_by(const Parbus__PartitionStats *p, const void *instance)
{
    return !strcmp(p->validator, instance);
}

static void add_worker(struct status_row *row, const Parbus__WorkerStats *w)
{
    row->worker_state = w->state;
    row->heartbeat_age_ms = (int64_t)w->heartbeat_age_ms;
    if (strcmp(w->service, "publisher") != 0) {
        row->partitions = w->partitions;
        row->lag = (int64_t)w->lag;
    }
    row->rate_per_s = w->has_rate_per_s ? (int64_t)w->rate_per_s : -1;
    row->ended = w->ended;
}

/* The ingestor has no heartbeat but its answer. */
static void add_ingestor(struct status_row *row, const Parbus__StatsReply *reply)
{
    row->lag = (int64_t)reply->lag;
    row->partitions = (int64_t)reply->n_partition;
    row->rate_per_s = reply->has_received_per_s ? (int64_t)reply->received_per_s : -1;
    row->heartbeat_age_ms = 0;
}

/* One whose name came back with a new process is listed once for each; the living one counts. */
static const Parbus__WorkerStats *worker_of(const Parbus__StatsReply *reply, const char *instance)
{
    const Parbus__WorkerStats *found = NULL;
    for (size_t i = 0; reply && i < reply->n_worker; i++)
        if (!strcmp(reply->worker[i]->instance, instance) && (!found || !strcmp(reply->worker[i]->state, "live")))
            found = reply->worker[i];
    return found;
}

static struct status_row *add_row(struct status *s, const char *service, const char *instance)
{
    struct status_row *row = &s->row[s->count++];
    *row = (struct status_row){.service = service,
                               .instance = instance,
                               .restarts = -1,
                               .alive_ms = -1,
                               .heartbeat_age_ms = -1,
                               .partitions = -1,
                               .lag = -1,
                               .rate_per_s = -1};
    const Parbus__WorkerStats *worker = worker_of(s->reply, instance);
    if (worker)
        add_worker(row, worker);
    else if (s->reply && !strcmp(service, "ingestor"))
        add_ingestor(row, s->reply);
    row->owned = status_ranges(s->reply, !strcmp(service, "validator") ? validated_by : scored_by, instance);
    return row;
}

static void add_supervised(struct status *s)
{
    for (size_t i = 0; i < s->processes->n_process; i++) {
        const Parbus__ProcessStatus *p = s->processes->process[i];
        struct status_row *row = add_row(s, p->service, p->instance);
        row->state = p->state;
        row->pid = p->pid;
        row->restarts = p->restarts;
        if (p->ended > row->ended) /* it also sees those that did not live to say hello */
            row->ended = p->ended;
        row->alive_ms = (int64_t)p->alive_ms;
    }
}

/* What nobody supervises here: containers. */
static void add_unsupervised(struct status *s, uint32_t ingestor_pid)
{
    struct status_row *row = add_row(s, "ingestor", "ingestor-1");
    row->state = s->reply ? "live" : "silent";
    row->pid = ingestor_pid;
    row->alive_ms = s->reply && s->reply->has_alive_ms ? (int64_t)s->reply->alive_ms : -1;
    for (size_t i = 0; s->reply && i < s->reply->n_worker; i++) {
        const Parbus__WorkerStats *w = s->reply->worker[i];
        row = add_row(s, w->service, w->instance);
        row->state = w->state;
        row->pid = w->pid;
        row->alive_ms = (int64_t)w->alive_ms;
    }
}

void status_add_rows(struct status *s, uint32_t ingestor_pid)
{
    size_t most = 1 + (s->reply ? s->reply->n_worker : 0) + (s->processes ? s->processes->n_process : 0);
    s->row = calloc(most, sizeof *s->row);
    ASSERT(s->row);
    if (s->processes)
        add_supervised(s);
    else
        add_unsupervised(s, ingestor_pid);
}
