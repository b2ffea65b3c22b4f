#include "services/parbus/status.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_BYTES_MAX = 60, STANDSTILL_MS = 2000, BEHIND_S = 2 };

static void __attribute__((format(printf, 2, 3))) say(json_t *wrong, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(wrong, json_string(text));
}

static bool has_no_scorer(const Parbus__PartitionStats *p, const void *unused)
{
    (void)unused;
    return strcmp(p->state, "owned") != 0;
}

static bool has_no_validator(const Parbus__PartitionStats *p, const void *unused)
{
    (void)unused;
    return !p->validator[0];
}

static void say_partitions(json_t *wrong, const struct status *s, const char *what,
                           bool (*is_one)(const Parbus__PartitionStats *p, const void *ctx))
{
    size_t count = 0;
    uint64_t longest_ms = 0;
    for (size_t i = 0; i < s->reply->n_partition; i++) {
        const Parbus__PartitionStats *p = s->reply->partition[i];
        count += is_one(p, NULL);
        longest_ms = p->paused_ms > longest_ms ? p->paused_ms : longest_ms;
    }
    if (!count)
        return;
    char *which = status_ranges(s->reply, is_one, NULL), lasting[64] = "";
    if (longest_ms)
        snprintf(lasting, sizeof lasting, ", the first for %.1f s", (double)longest_ms / 1000);
    say(wrong, "%zu of %zu partitions have no %s%s: %.*s%s", count, s->reply->n_partition, what, lasting,
        RANGES_BYTES_MAX, which, strlen(which) > RANGES_BYTES_MAX ? "…" : "");
    free(which);
}

static void say_processes(json_t *wrong, const struct status *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct status_row *row = &s->row[i];
        if (row->worker_state && !strcmp(row->worker_state, "dead"))
            say(wrong, "%s is dead: nothing heard of it for %.1f s", row->instance,
                (double)row->heartbeat_age_ms / 1000);
        else if (s->processes && strcmp(row->state, "running") != 0)
            say(wrong, "%s is %s", row->instance, row->state);
        else if (s->processes && s->reply && !row->worker_state && strcmp(row->service, "ingestor") != 0)
            say(wrong, "%s runs, but has not told the ingestor of itself", row->instance);
    }
}

static bool works(const struct status *s, const char *service)
{
    for (size_t i = 0; i < s->reply->n_worker; i++)
        if (!strcmp(s->reply->worker[i]->service, service) && strcmp(s->reply->worker[i]->state, "dead") != 0)
            return true;
    return false;
}

static void say_lag(json_t *wrong, const Parbus__StatsReply *r)
{
    if (!r->has_window_ms || !r->lag)
        return;
    double window_s = r->window_ms / 1000.0;
    if (!r->applied_per_s && r->lag_growth >= 0 && r->window_ms >= STANDSTILL_MS)
        say(wrong, "the ranking stands still: %" PRIu64 " submissions wait, and none was applied in the last %.1f s",
            r->lag, window_s);
    else if (r->lag_growth > 0 && r->lag > (uint64_t)r->applied_per_s * BEHIND_S)
        say(wrong, "the ranking falls behind: %" PRIu64 " submissions wait, %" PRId64 " more than %.1f s ago", r->lag,
            r->lag_growth, window_s);
}

json_t *status_wrong(const struct status *s)
{
    json_t *wrong = json_array();
    if (!s->reply)
        say(wrong, "%s", s->why);
    if (s->reply && !s->reply->accepting)
        say(wrong, "nothing is accepted at the door: %s", s->reply->trouble);
    say_processes(wrong, s);
    if (!s->reply)
        return wrong;
    if (!works(s, "publisher"))
        say(wrong, "no publisher is at work: rankings on the feed do not move");
    say_partitions(wrong, s, "scorer", has_no_scorer);
    say_partitions(wrong, s, "validator", has_no_validator);
    say_lag(wrong, s->reply);
    return wrong;
}
