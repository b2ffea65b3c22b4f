#include "base/plural.h"
#include "services/parbus/status/health.h"
#include "services/parbus/status/status.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { BEHIND_S = 2, ENDED_OFTEN = 3 };

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

/* Only its log says why. (What ends because of one entry of the journal is not here: that entry is set aside.) */
static void say_ends(json_t *wrong, const struct status *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct status_row *row = &s->row[i];
        if (row->ended < ENDED_OFTEN)
            continue;
        if (s->processes)
            say(wrong, "%s ended %u times in the last minute: see log/%s.log", row->instance, row->ended,
                row->instance);
        else
            say(wrong, "%s ended %u times in the last minute: see its log", row->instance, row->ended);
    }
}

static void say_processes(json_t *wrong, const struct status *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct status_row *row = &s->row[i];
        if (row->worker_state && !strcmp(row->worker_state, "dead"))
            say(wrong, "%s is dead: nothing heard of it for %.1f s", row->instance,
                (double)row->heartbeat_age_ms / 1000);
        else if (s->processes && !strcmp(row->state, "held"))
            say(wrong, "%s is held back, for a file is damaged or gone: " HELD_ADVICE, row->instance, row->instance);
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
        say(wrong, "the ranking falls behind: %" PRIu64 " %s, %" PRId64 " more than %.1f s ago", r->lag,
            plural(r->lag, "submission waits", "submissions wait"), r->lag_growth, r->window_ms / 1000.0);
}

static bool ingestor_is_held(const struct status *s)
{
    for (size_t i = 0; s->processes && i < s->count; i++)
        if (!strcmp(s->row[i].service, "ingestor") && !strcmp(s->row[i].state, "held"))
            return true;
    return false;
}

json_t *status_wrong(const struct status *s)
{
    json_t *wrong = json_array();
    if (!s->reply && !ingestor_is_held(s)) /* which says more */
        say(wrong, "%s", s->why);
    say_ends(wrong, s);
    say_processes(wrong, s);
    if (!s->reply)
        return wrong;
    health_check(s->reply, add_sentence, wrong);
    if (!works(s, "publisher"))
        say(wrong, "no publisher is at work: rankings on the feed do not move");
    say_lag(wrong, s->reply);
    return wrong;
}

/* It was decided once and for all, and the pipeline goes on. */
static void say_set_aside(json_t *warnings, const Parbus__SetAsideStats *s)
{
    bool one = s->count == 1;
    say(warnings,
        "%" PRIu64 " %s set aside as POISON, for workers ended while at %s%s of feeder %s, entry %" PRIu64
        " of partition %u. Listed by: parbus rejects; once the fault is mended, sent again by: parbus rejects retry",
        s->count, plural(s->count, "submission is", "submissions are"), one ? "it" : "them", one ? ":" : "; the newest",
        *s->feeder ? s->feeder : "(unknown)", s->pseq, s->partition);
}

json_t *status_warnings(const struct status *s)
{
    json_t *warnings = json_array();
    if (s->reply && s->reply->set_aside)
        say_set_aside(warnings, s->reply->set_aside);
    return warnings;
}
