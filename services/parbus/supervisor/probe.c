#include "base/deadline.h"
#include "services/parbus/supervisor/internal.h"
#include <string.h>

enum { PROBE_US = 50000, PROBE_QUIET_US = 500000 };

static void ask(struct shell *s)
{
    Parbus__Stats stats = PARBUS__STATS__INIT;
    reactor_send(s->reactor, SOURCE_DOOR, 0, PARBUS__TO_INGESTOR__BODY_STATS, &stats.base);
}

/* The next question, put off for long while all was quiet, comes soon once something changes. */
int64_t probe_tick(struct shell *s, int64_t now_us)
{
    int64_t most_us = probe_ready(s) ? PROBE_QUIET_US : PROBE_US;
    if (now_us >= s->next_probe_us) {
        ask(s);
        s->next_probe_us = now_us + most_us;
    }
    s->next_probe_us = earlier_us(s->next_probe_us, now_us + most_us);
    return s->next_probe_us;
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

static void take_stats(struct shell *s, const Parbus__StatsReply *stats, int64_t now_us)
{
    supervisor_seen(&s->core, "ingestor-1", pid_of(s, "ingestor-1"));
    for (size_t i = 0; i < stats->n_worker; i++) {
        const Parbus__WorkerStats *w = stats->worker[i];
        if (w->instance && w->state && strcmp(w->state, "live") == 0)
            supervisor_seen(&s->core, w->instance, (pid_t)w->pid);
    }
    supervisor_looked(&s->core, now_us);
    s->all_served = supervisor_ready(&s->core) && (!has_scorers(s) || all_owned(stats));
}

void probe_answer(struct shell *s, const struct wire_message *m, int64_t now_us)
{
    if (m->err == OK && m->kind == PARBUS__TO_FEEDER__BODY_STATS)
        take_stats(s, (const Parbus__StatsReply *)m->message, now_us);
}

bool probe_ready(const struct shell *s) { return s->all_served && supervisor_ready(&s->core); }
