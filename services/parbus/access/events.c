#include "services/parbus/access/events.h"
#include "base/date.h"
#include <limits.h>
#include <string.h>

enum { LINE_BYTES_MAX = 8192 };

void access_events_open(struct access_events *e, const char *directory)
{
    char path[PATH_MAX];
    *e = (struct access_events){0};
    snprintf(path, sizeof path, "%s/log/access.log.1", directory);
    e->file[0] = fopen(path, "re");
    snprintf(path, sizeof path, "%s/log/access.log", directory);
    e->file[1] = fopen(path, "re");
    access_events_next(e);
}

const char *access_event_text(const struct access_events *e, const char *name)
{
    const char *text = json_string_value(json_object_get(e->line, name));
    return text ? text : "";
}

static bool take(struct access_events *e, const char *text)
{
    e->line = json_loads(text, 0, NULL);
    if (json_is_object(e->line) && date_parse_ms(access_event_text(e, "at"), &e->at_ms))
        return true;
    json_decref(e->line);
    e->line = NULL;
    e->unreadable += text[0] != '\n';
    return false;
}

void access_events_next(struct access_events *e)
{
    char text[LINE_BYTES_MAX];
    json_decref(e->line);
    e->line = NULL;
    for (; e->at < 2; e->at++)
        while (e->file[e->at] && fgets(text, sizeof text, e->file[e->at]))
            if (take(e, text))
                return;
}

void access_events_close(struct access_events *e)
{
    json_decref(e->line);
    for (int i = 0; i < 2; i++)
        if (e->file[i])
            fclose(e->file[i]);
}

static const char *words_of(const char *event)
{
    static const struct {
        const char *event, *words;
    } table[] = {
        {"name", "a new name said hello"},
        {"line", "another outbox, or process, has the name now"},
        {"connection", "hello over another connection"},
        {"epoch", "submissions are numbered anew"},
        {"refused", "refused"},
        {"shut_out", "not let in"},
        {"cut", "cut off"},
        {"change", "asked for a change of rights"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].event, event))
            return table[i].words;
    return event;
}

void access_event_words(const struct access_events *e, char *out, size_t bytes)
{
    const char *reason = access_event_text(e, "reason"), *detail = access_event_text(e, "detail"),
               *since = access_event_text(e, "since");
    json_int_t times = json_integer_value(json_object_get(e->line, "times"));
    char again[80] = "";
    if (times > 1)
        snprintf(again, sizeof again, ", %lld times%s%.32s", (long long)times, *since ? " since " : "", since);
    snprintf(out, bytes, "%s%s%s%s%s%s", words_of(access_event_text(e, "event")), *reason ? ": " : "", reason, again,
             *detail ? ": " : "", detail);
}
