/* What is left when a push ends, in words: how much is on disk and goes out by itself, and which rows do not. */
#include "base/plural.h"
#include "services/parbus/push/push.h"
#include <inttypes.h>
#include <stdio.h>

enum { RANGES_SHOWN = 8, RANGES_BYTES = 512 };

/* "12-40, 57, 61-70 and 3 more" */
static void write_ranges(char *out, const struct push_lines *lines, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count && i < RANGES_SHOWN; i++)
        used +=
            (size_t)snprintf(out + used, RANGES_BYTES - used, lines[i].first == lines[i].last ? "%s%ld" : "%s%ld-%ld",
                             i ? ", " : "", lines[i].first, lines[i].last);
    if (count > RANGES_SHOWN)
        snprintf(out + used, RANGES_BYTES - used, " and %zu more ranges, the last one %ld-%ld", count - RANGES_SHOWN,
                 lines[count - 1].first, lines[count - 1].last);
}

/* Ascending, of one file: those that follow on one another become one. */
static size_t join(struct push_lines *lines, size_t count)
{
    size_t kept = 0;
    for (size_t i = 1; i < count; i++)
        if (lines[i].first == lines[kept].last + 1)
            lines[kept].last = lines[i].last;
        else
            lines[++kept] = lines[i];
    return kept + 1;
}

static size_t of_one_file(const struct push_lines *lines, size_t count)
{
    size_t same = 1;
    while (same < count && lines[same].file == lines[0].file)
        same++;
    return same;
}

static void tell_lines(const struct push_session *s, struct push_lines *lines, size_t count)
{
    char ranges[RANGES_BYTES];
    while (count) {
        size_t same = of_one_file(lines, count);
        write_ranges(ranges, lines, join(lines, same));
        push_report_words(s->report, "push again: %s, lines %s", push_report_file(s->report, lines->file), ranges);
        lines += same;
        count -= same;
    }
}

static void tell_lost(const struct push_session *s, uint64_t lost, uint64_t kept)
{
    struct buffer lines = {0};
    push_report_words(
        s->report, "%" PRIu64 " %s in memory only, for the outbox could not be written, and %s lost with this process",
        lost, plural(lost, "submission is", "submissions are"), plural(lost, "is", "are"));
    push_ledger_lines(&s->ledger, kept, &lines);
    tell_lines(s, (struct push_lines *)(void *)lines.data, lines.size / sizeof(struct push_lines));
    buffer_free(&lines);
    s->report->failures++;
}

void push_session_tell_left(struct push_session *s)
{
    (void)parbus_feeder_sync(s->feeder, NULL); /* room may have come */
    const struct parbus_feeder_totals t = parbus_feeder_totals(s->feeder);
    uint64_t kept = t.kept - t.receipted;
    if (kept && s->report->submissions)
        push_report_words(s->report, "%" PRIu64 " %s no receipt and %s kept in %s; the next push as %s sends %s", kept,
                          plural(kept, "submission has", "submissions have"), plural(kept, "is", "are"), s->outbox,
                          s->options->feeder, plural(kept, "it", "them"));
    if (t.last_seq > t.kept)
        tell_lost(s, t.last_seq - t.kept, t.kept);
}
