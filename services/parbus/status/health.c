#include "services/parbus/status/health.h"
#include "base/plural.h"
#include "services/parbus/status/ranges.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_BYTES_MAX = 60, STANDSTILL_MS = 2000 };

struct findings {
    health_fn *fn;
    void *ctx;
    size_t count;
};

static void find(struct findings *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void find(struct findings *f, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    f->fn(f->ctx, sentence);
    f->count++;
}

/* While it is being handed over, a partition still has its scorer. */
static bool has_no_scorer(const Parbus__PartitionStats *p, const void *unused)
{
    (void)unused;
    return strcmp(p->state, "owned") != 0 && strcmp(p->state, "releasing") != 0;
}

static const char *cut_mark(const char *ranges) { return strlen(ranges) > RANGES_BYTES_MAX ? "…" : ""; }

static void check_partitions(struct findings *f, const Parbus__StatsReply *reply)
{
    size_t count = 0;
    uint64_t longest_ms = 0;
    for (size_t i = 0; i < reply->n_partition; i++) {
        const Parbus__PartitionStats *p = reply->partition[i];
        bool unscored = has_no_scorer(p, NULL);
        count += unscored;
        longest_ms = unscored && p->paused_ms > longest_ms ? p->paused_ms : longest_ms;
    }
    if (!count)
        return;
    char *which = status_ranges(reply, has_no_scorer, NULL), lasting[64] = "";
    if (longest_ms)
        snprintf(lasting, sizeof lasting, " (one for %.1f s)", (double)longest_ms / 1000);
    find(f, "%zu of %zu %s %s no scorer%s, and %s ranking stands still: %.*s%s", count, reply->n_partition,
         plural(reply->n_partition, "partition", "partitions"), plural(count, "has", "have"), lasting,
         plural(count, "its", "their"), RANGES_BYTES_MAX, which, cut_mark(which));
    free(which);
}

static bool stands_still(const Parbus__PartitionStats *p, const void *unused)
{
    (void)unused;
    return p->has_standstill_ms;
}

static const Parbus__PartitionStats *stands_longest(const Parbus__StatsReply *reply, size_t *count)
{
    const Parbus__PartitionStats *longest = NULL;
    *count = 0;
    for (size_t i = 0; i < reply->n_partition; i++) {
        const Parbus__PartitionStats *p = reply->partition[i];
        if (!stands_still(p, NULL))
            continue;
        ++*count;
        if (!longest || p->standstill_ms > longest->standstill_ms)
            longest = p;
    }
    return longest;
}

/* The one that has stood for longest is described: what comes after it may be its effect. false: there is none. */
static bool check_standstill(struct findings *f, const Parbus__StatsReply *reply)
{
    size_t count;
    const Parbus__PartitionStats *p = stands_longest(reply, &count);
    char several[RANGES_BYTES_MAX + 80] = "";
    if (!p)
        return false;
    if (count > 1) {
        char *which = status_ranges(reply, stands_still, NULL);
        snprintf(several, sizeof several, "%zu partitions have stood still: %.*s%s; the longest is ", count,
                 RANGES_BYTES_MAX, which, cut_mark(which));
        free(which);
    }
    find(f, "%spartition %u%s for %.1f s: entry %" PRIu64 " is the next of %" PRIu64 "; %s checks it, %s owns it",
         several, p->partition, count > 1 ? "," : " has stood still", (double)p->standstill_ms / 1000,
         p->applied_pseq + 1, p->last_pseq - p->applied_pseq, p->validator, p->scorer);
    return true;
}

/* Each is named: each needs to be mended. */
static bool check_damage(struct findings *f, const Parbus__StatsReply *reply)
{
    size_t before = f->count;
    for (size_t i = 0; i < reply->n_partition; i++) {
        const Parbus__PartitionStats *p = reply->partition[i];
        if (p->damage && *p->damage)
            find(f,
                 "partition %u stands still, for its next record is damaged: %s. 'parbus verify' names all that is; "
                 "stop, and take the journal back with 'parbus restore'",
                 p->partition, p->damage);
    }
    return f->count > before;
}

/* Not by partition: one gets its validator only when there is something to validate. */
static void check_validators(struct findings *f, const Parbus__StatsReply *reply)
{
    for (size_t i = 0; i < reply->n_worker; i++)
        if (strcmp(reply->worker[i]->service, "validator") == 0 && strcmp(reply->worker[i]->state, "live") == 0)
            return;
    find(f, "no validator is at work: the rankings stand still");
}

/* What came within the window may just be on its way: something must have waited at its beginning already. */
static void check_progress(struct findings *f, const Parbus__StatsReply *reply)
{
    if (!reply->has_window_ms || reply->window_ms < STANDSTILL_MS || reply->applied_per_s)
        return;
    if (reply->lag_growth >= 0 && reply->lag > (uint64_t)reply->lag_growth)
        find(f, "the ranking stands still: %" PRIu64 " %s, and none was applied in the last %.1f s", reply->lag,
             plural(reply->lag, "submission waits", "submissions wait"), reply->window_ms / 1000.0);
}

static void check_connections(struct findings *f, const Parbus__StatsReply *reply)
{
    for (size_t i = 0; i < reply->n_counter; i++) {
        const Parbus__Counter *c = reply->counter[i];
        if (strcmp(c->name, "connections_refused_lately") == 0 && c->value)
            find(f,
                 "%s shuts connections out, %" PRIu64 " in the last seconds: its descriptors run out. Raise the limit "
                 "(ulimit -n, LimitNOFILE), or end those who open so many",
                 c->instance, c->value);
    }
}

static void check_names(struct findings *f, const Parbus__StatsReply *reply)
{
    for (size_t i = 0; i < reply->n_counter; i++)
        if (strcmp(reply->counter[i]->name, "feeders_refused_lately") == 0 && reply->counter[i]->value)
            find(
                f,
                "feeders with new names are refused, %" PRIu64
                " in the last seconds: feeders_max is reached. Give the place "
                "of one that comes no more to others (parbus feeders list, parbus feeders remove NAME), or raise it in "
                "parbus.conf and start again",
                reply->counter[i]->value);
}

size_t health_check(const Parbus__StatsReply *reply, health_fn *fn, void *ctx)
{
    struct findings f = {fn, ctx, 0};
    if (!reply->accepting)
        find(&f, "nothing is accepted at the door: %s", reply->trouble);
    for (size_t i = 0; i < reply->n_worker; i++)
        if (reply->worker[i]->trouble[0] && strcmp(reply->worker[i]->state, "dead") != 0)
            find(&f, "%s cannot %s state: %s", reply->worker[i]->instance,
                 strcmp(reply->worker[i]->service, "publisher") ? "write" : "read", reply->worker[i]->trouble);
    check_connections(&f, reply);
    check_names(&f, reply);
    check_partitions(&f, reply);
    check_validators(&f, reply);
    bool damage = check_damage(&f, reply), standstill = check_standstill(&f, reply);
    if (!damage && !standstill) /* which say more */
        check_progress(&f, reply);
    return f.count;
}
