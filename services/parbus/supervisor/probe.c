#include "base/clock.h"
#include "services/parbus/supervisor/shell.h"
#include "wire/wire.h"
#include <string.h>

enum { PROBES_QUEUED_MAX = 4 };

enum err probe_open(struct shell *s, struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    enum err err = link_endpoint(endpoint, s->options->directory, "door", e);
    return err ? err
               : link_open(&s->door, ZMQ_DEALER, LINK_CONNECT, endpoint,
                           &(struct link_options){.hwm = PROBES_QUEUED_MAX}, e);
}

void probe_ask(struct shell *s)
{
    Parbus__Stats stats = PARBUS__STATS__INIT;
    buffer_clear(&s->out);
    wire_pack(&s->out, PARBUS__TO_INGESTOR__BODY_STATS, &stats.base);
    link_send(s->door, s->out.data, s->out.size);
}

static pid_t pid_of(const struct shell *s, const char *instance)
{
    for (size_t i = 0; i < s->core.count; i++)
        if (strcmp(s->core.process[i].instance, instance) == 0)
            return s->core.process[i].pid;
    return 0;
}

static bool has_scorers(const struct shell *s)
{
    for (size_t i = 0; i < s->core.count; i++)
        if (strcmp(s->core.process[i].program->service, "scorer") == 0)
            return true;
    return false;
}

static bool all_owned(const Parbus__StatsReply *stats)
{
    for (size_t i = 0; i < stats->n_partition; i++)
        if (!stats->partition[i]->state || strcmp(stats->partition[i]->state, "owned") != 0)
            return false;
    return true;
}

static void take_stats(struct shell *s, const Parbus__StatsReply *stats)
{
    supervisor_seen(&s->core, "ingestor-1", pid_of(s, "ingestor-1"));
    for (size_t i = 0; i < stats->n_worker; i++) {
        const Parbus__WorkerStats *w = stats->worker[i];
        if (w->instance && w->state && strcmp(w->state, "live") == 0)
            supervisor_seen(&s->core, w->instance, (pid_t)w->pid);
    }
    supervisor_looked(&s->core, clock_mono_us());
    s->settled = supervisor_ready(&s->core) && (!has_scorers(s) || all_owned(stats));
}

void probe_read(struct shell *s)
{
    struct wire_message m;
    while (link_receive(s->door, ZMQ_DEALER, &s->message) == OK) {
        arena_reset(&s->arena);
        if (wire_open(&wire_to_feeder, link_data(&s->message), link_bytes(&s->message), &s->arena, &m, NULL) == OK &&
            m.kind == PARBUS__TO_FEEDER__BODY_STATS)
            take_stats(s, (const Parbus__StatsReply *)m.message);
    }
}

bool probe_ready(const struct shell *s) { return s->settled && supervisor_ready(&s->core); }
