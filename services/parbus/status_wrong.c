#include "services/parbus/health.h"
#include "services/parbus/status.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { BEHIND_S = 2 };

static void __attribute__((format(printf, 2, 3))) say(json_t *wrong, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(wrong, json_string(text));
}

static void add_sentence(void *ctx, const char *sentence) { json_array_append_new(ctx, json_string(sentence)); }

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
    if (r->applied_per_s && r->lag_growth > 0 && r->lag > (uint64_t)r->applied_per_s * BEHIND_S)
        say(wrong, "the ranking falls behind: %" PRIu64 " submissions wait, %" PRId64 " more than %.1f s ago", r->lag,
            r->lag_growth, r->window_ms / 1000.0);
}

json_t *status_wrong(const struct status *s)
{
    json_t *wrong = json_array();
    if (!s->reply)
        say(wrong, "%s", s->why);
    say_processes(wrong, s);
    if (!s->reply)
        return wrong;
    health_check(s->reply, add_sentence, wrong);
    if (!works(s, "publisher"))
        say(wrong, "no publisher is at work: rankings on the feed do not move");
    say_lag(wrong, s->reply);
    return wrong;
}
