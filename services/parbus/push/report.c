#include "base/clock.h"
#include "base/plural.h"
#include "services/parbus/print/print.h"
#include "services/parbus/push/push.h"
#include "wire/reason.h"
#include "wire/wire.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHOW_US = 100000, BAR_CELLS = 24, LISTED_MAX = 10000 };

void push_report_start(struct push_report *r, const struct push_options *o)
{
    *r = (struct push_report){.options = o, .terminal = isatty(STDERR_FILENO), .out = o->out ? o->out : stdout};
    r->faults = json_array();
    r->rejects = json_array();
    ASSERT(r->faults && r->rejects);
}

void push_report_free(struct push_report *r)
{
    json_decref(r->faults);
    json_decref(r->rejects);
}

/* ---- words: standard error ---- */

static void clear_line(struct push_report *r)
{
    if (r->line_open)
        fputs("\r\033[K", stderr);
    r->line_open = false;
}

const char *push_report_file(const struct push_report *r, int file)
{
    const char *name = r->options->file[file];
    return strcmp(name, "-") == 0 ? "standard input" : name;
}

/* Lists are bounded; the counts beside them are not. */
static void list_add(json_t *list, json_t *item)
{
    if (json_array_size(list) < LISTED_MAX)
        json_array_append_new(list, item);
    else
        json_decref(item);
}

void push_report_fault(struct push_report *r, int file, long line, const char *text)
{
    clear_line(r);
    if (line)
        fprintf(stderr, "%s:%ld: ", push_report_file(r, file), line);
    else
        fprintf(stderr, "%s: ", push_report_file(r, file));
    print_plain(stderr, text);
    fputc('\n', stderr);
    *(line ? &r->rows_bad : &r->failures) += 1;
    list_add(r->faults,
             json_pack("{s:s, s:I, s:s}", "file", push_report_file(r, file), "line", (json_int_t)line, "fault", text));
}

void push_report_words(struct push_report *r, const char *format, ...)
{
    va_list args;
    clear_line(r);
    fprintf(stderr, "parbus %s: ", r->options->command ? r->options->command : "push");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void draw_bar(const struct push_report *r)
{
    if (!r->bytes_total)
        return;
    uint64_t cells = r->bytes_read * BAR_CELLS / r->bytes_total;
    fputc('[', stderr);
    for (uint64_t i = 0; i < BAR_CELLS; i++)
        fputc(i < cells ? '#' : '.', stderr);
    fprintf(stderr, "] %3" PRIu64 " %%  ", r->bytes_read * 100 / r->bytes_total);
}

/* Of a service: while something is outstanding. */
static void tell_progress(struct push_report *r, const struct parbus_feeder_totals *t, int64_t now_us)
{
    if (!r->shown_us)
        r->shown_us = now_us;
    if (!r->options->progress_us || now_us - r->shown_us < r->options->progress_us)
        return;
    r->shown_us = now_us;
    if (t->receipted < t->last_seq)
        push_report_words(r, "%" PRIu64 " of %" PRIu64 " %s a receipt, %s", t->receipted, t->last_seq,
                          plural(t->last_seq, "submission has", "submissions have"),
                          t->connected ? "connected"
                          : t->in_use  ? "the name is in use elsewhere"
                                       : "nobody answers");
}

void push_report_progress(struct push_report *r, const struct parbus_feeder_totals *t)
{
    int64_t now_us = clock_mono_us();
    if (!r->terminal)
        tell_progress(r, t, now_us);
    if (!r->terminal || now_us - r->shown_us < SHOW_US)
        return;
    r->shown_us = now_us;
    r->line_open = true;
    fputs("\r\033[K", stderr);
    draw_bar(r);
    fprintf(stderr, "%" PRIu64 " %s sent, %" PRIu64 " of %" PRIu64 " %s with a receipt", r->rows_sent,
            plural(r->rows_sent, "row", "rows"), t->receipted, t->last_seq,
            plural(t->last_seq, "submission", "submissions"));
    if (r->options->wait)
        fprintf(stderr, ", %" PRIu64 " scored", t->scored);
    fflush(stderr);
}

/* ---- the result: standard output ---- */

void push_report_reject(struct push_report *r, const struct push_origin *at, Parbus__Reason reason, const char *detail)
{
    const char *name = reason == PARBUS__REASON__REASON_NONE ? "UNREADABLE" : reason_of(reason)->name; /* D11a */
    const char *text = detail && *detail ? detail : reason_of(reason)->text;
    clear_line(r);
    if (!r->options->json) {
        printf("%s:%ld: %s: ", push_report_file(r, at->file), at->line, name);
        print_plain(stdout, text);
        puts(at->rows > 1 ? " (with all rows of its submission)" : "");
    }
    r->rows_rejected += at->rows;
    list_add(r->rejects, json_pack("{s:s, s:I, s:I, s:s, s:s}", "file", push_report_file(r, at->file), "line",
                                   (json_int_t)at->line, "rows", (json_int_t)at->rows, "reason", name, "detail", text));
}

static void result_json(const struct push_report *r, const struct parbus_feeder_totals *t, const char *trouble)
{
    bool scored = r->options->wait && !trouble;
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:O, s:O}", "feeder", r->options->feeder, "epoch",
                  (json_int_t)t->epoch, "last_seq", (json_int_t)t->last_seq, "rows_read", (json_int_t)r->rows_read,
                  "rows_bad", (json_int_t)r->rows_bad, "rows_sent", (json_int_t)r->rows_sent, "submissions",
                  (json_int_t)r->submissions, "without_receipt", (json_int_t)(t->last_seq - t->receipted), "scored",
                  scored, "faults", r->faults, "rejects", r->rejects);
    ASSERT(o);
    if (scored || r->rows_rejected) {
        json_object_set_new(o, "rows_rejected", json_integer((json_int_t)r->rows_rejected));
        json_object_set_new(o, "rows_accepted", json_integer((json_int_t)(r->rows_sent - r->rows_rejected)));
    }
    if (trouble)
        json_object_set_new(o, "trouble", json_string(trouble));
    json_dumpf(o, r->out, JSON_INDENT(2));
    fputc('\n', r->out);
    json_decref(o);
}

void push_report_result(struct push_report *r, const struct parbus_feeder_totals *t, const char *trouble)
{
    clear_line(r);
    if (r->options->json) {
        result_json(r, t, trouble);
        return;
    }
    printf("rows read %" PRIu64 ", bad %" PRIu64 ", sent %" PRIu64 " in %" PRIu64 " %s", r->rows_read, r->rows_bad,
           r->rows_sent, r->submissions, plural(r->submissions, "submission", "submissions"));
    if (r->options->wait && !trouble)
        printf("; accepted %" PRIu64 ", rejected %" PRIu64, r->rows_sent - r->rows_rejected, r->rows_rejected);
    else if (t->last_seq > t->receipted)
        printf("; %" PRIu64 " %s no receipt yet", t->last_seq - t->receipted,
               plural(t->last_seq - t->receipted, "submission has", "submissions have"));
    else if (r->submissions)
        printf("; all have their receipt");
    putchar('\n');
}
