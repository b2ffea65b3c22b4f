#include "base/metrics.h"
#include "base/plural.h"
#include "services/parbus/print/print.h"
#include "services/parbus/status/status.h"
#include "wire/reason.h"
#include <inttypes.h>
#include <string.h>

enum { FIGURE_BYTES = 32, OWNED_BYTES_MAX = 60 };

static const char *figure(char out[static FIGURE_BYTES], int64_t n)
{
    if (n < 0)
        return "-";
    snprintf(out, FIGURE_BYTES, "%" PRId64, n);
    return out;
}

/* "12 ms", "3.4 s", "5 min", "2 h 10 min", "3 d 4 h" */
static const char *age(char out[static FIGURE_BYTES], int64_t ms)
{
    int64_t s = ms / 1000;
    if (ms < 0)
        return "-";
    if (s < 1)
        snprintf(out, FIGURE_BYTES, "%" PRId64 " ms", ms);
    else if (s < 60)
        snprintf(out, FIGURE_BYTES, "%.1f s", (double)ms / 1000);
    else if (s < 3600)
        snprintf(out, FIGURE_BYTES, "%" PRId64 " min", s / 60);
    else if (s < 86400)
        snprintf(out, FIGURE_BYTES, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(out, FIGURE_BYTES, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    return out;
}

static void print_sentences(const json_t *sentences, const char *before, FILE *out)
{
    size_t i;
    json_t *sentence;
    json_array_foreach(sentences, i, sentence)
    {
        fputs(before, out);
        print_plain(out, json_string_value(sentence));
        fputc('\n', out);
    }
}

static void print_head(const struct status *s, FILE *out)
{
    fprintf(out, "%s, ", s->directory);
    if (s->processes)
        fprintf(out, "supervisor pid %u: %s\n", s->processes->supervisor_pid,
                s->processes->ready ? "everything runs" : "not everything runs");
    else
        fputs("no supervisor runs here: what the ingestor knows\n", out);
    print_sentences(s->wrong, "  ! ", out);
    print_sentences(s->warnings, "  * ", out);
}

static void print_owned(const struct status_row *row, FILE *out)
{
    if (row->partitions < 0 || !strcmp(row->service, "ingestor"))
        fputs("  -\n", out);
    else if (strlen(row->owned) <= OWNED_BYTES_MAX)
        fprintf(out, "  %" PRId64 ": %s\n", row->partitions, row->owned);
    else
        fprintf(out, "  %" PRId64 ": %.*s…\n", row->partitions, OWNED_BYTES_MAX, row->owned);
}

static void print_row(const struct status_row *row, FILE *out)
{
    char state[64], a[6][FIGURE_BYTES];
    bool differs = row->worker_state && strcmp(row->worker_state, "live") != 0 && row->state != row->worker_state;
    snprintf(state, sizeof state, "%s%s%s", row->state, differs ? ", " : "", differs ? row->worker_state : "");
    print_padded(out, row->instance, 22);
    fprintf(out, " %8s  %-15s %8s %12s %9s %10s %9s", figure(a[0], row->pid ? (int64_t)row->pid : -1), state,
            figure(a[1], row->restarts), age(a[2], row->alive_ms), age(a[3], row->heartbeat_age_ms),
            figure(a[4], row->lag), figure(a[5], row->rate_per_s));
    print_owned(row, out);
}

static void print_rows(const struct status *s, FILE *out)
{
    fprintf(out, "\n%-22s %8s  %-15s %8s %12s %9s %10s %9s  %s\n", "PROCESS", "PID", "STATE", "RESTARTS", "UP", "HEARD",
            "LAG", "PER S", "PARTITIONS");
    for (size_t i = 0; i < s->count; i++)
        print_row(&s->row[i], out);
}

static const char *name_or_dash(const char *name) { return name[0] ? name : "-"; }

static void print_partition(const Parbus__PartitionStats *p, FILE *out)
{
    char paused[FIGURE_BYTES], still[FIGURE_BYTES], epoch[FIGURE_BYTES];
    snprintf(epoch, sizeof epoch, "%" PRIu64 ".%" PRIu64, p->owner_epoch >> 32, p->owner_epoch & UINT32_MAX);
    fprintf(out, "%9u  %-10s ", p->partition, p->state);
    print_padded(out, name_or_dash(p->scorer), 20);
    fputc(' ', out);
    print_padded(out, name_or_dash(p->validator), 20);
    fprintf(out, " %10s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %9" PRIu64 " %10" PRIu64 " %9s %9s\n", epoch,
            p->last_pseq, p->sent_pseq, p->applied_pseq, p->lag, p->flight_bytes,
            age(paused, p->has_paused_ms ? (int64_t)p->paused_ms : -1),
            age(still, p->has_standstill_ms ? (int64_t)p->standstill_ms : -1));
}

static void print_partitions(const Parbus__StatsReply *reply, FILE *out)
{
    fprintf(out, "\n%9s  %-10s %-20s %-20s %10s %10s %10s %10s %9s %10s %9s %9s\n", "PARTITION", "STATE", "SCORER",
            "VALIDATOR", "EPOCH", "LAST", "SENT", "APPLIED", "LAG", "IN FLIGHT", "PAUSED", "STILL");
    for (size_t i = 0; i < reply->n_partition; i++)
        print_partition(reply->partition[i], out);
}

static void print_totals(const Parbus__StatsReply *reply, FILE *out)
{
    size_t owned = 0;
    uint64_t flight_bytes = 0;
    char received[FIGURE_BYTES], applied[FIGURE_BYTES];
    for (size_t i = 0; i < reply->n_partition; i++) {
        owned += strcmp(reply->partition[i]->state, "owned") == 0;
        flight_bytes += reply->partition[i]->flight_bytes;
    }
    fprintf(out, "\n%zu %s, %zu of them with a scorer; %" PRIu64 " %s on the way\n", reply->n_partition,
            plural(reply->n_partition, "partition", "partitions"), owned, flight_bytes,
            plural(flight_bytes, "byte", "bytes"));
    fprintf(out, "submissions: %s a second received, %s applied; %" PRIu64 " not in the ranking yet\n",
            figure(received, reply->has_received_per_s ? (int64_t)reply->received_per_s : -1),
            figure(applied, reply->has_applied_per_s ? (int64_t)reply->applied_per_s : -1), reply->lag);
}

static const char *text_of(const char *counter)
{
    unsigned count;
    const struct reason *reason = reason_table(&count);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (strcmp(metric_name((enum metric)m), counter) == 0)
            return metric_text((enum metric)m);
    for (unsigned r = 0; r < count; r++)
        if (strcmp(reason[r].counter, counter) == 0)
            return reason[r].text;
    return "";
}

static void print_counters(const Parbus__StatsReply *reply, FILE *out)
{
    json_t *all = status_counters(reply), *value;
    const char *name;
    if (json_object_size(all))
        fprintf(out, "\n%-32s %14s  %s\n", "COUNTER", "SINCE START", "OF WHAT");
    json_object_foreach(all, name, value) if (json_integer_value(value))
        fprintf(out, "%-32s %14" JSON_INTEGER_FORMAT "  %s\n", name, json_integer_value(value), text_of(name));
    if (reply->counters_left_out)
        fprintf(out, "(%u %s of workers left out: the answer is full)\n", reply->counters_left_out,
                plural(reply->counters_left_out, "counter", "counters"));
    json_decref(all);
}

void status_print_table(const struct status *s, bool partitions, FILE *out)
{
    print_head(s, out);
    print_rows(s, out);
    if (!s->reply)
        return;
    print_totals(s->reply, out);
    if (partitions)
        print_partitions(s->reply, out);
    print_counters(s->reply, out);
}
