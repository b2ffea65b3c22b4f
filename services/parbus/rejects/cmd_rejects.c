#include "base/buffer.h"
#include "base/date.h"
#include "link/link.h"
#include "scoring/scoring.h"
#include "services/parbus/command.h"
#include "services/parbus/print/print.h"
#include "services/parbus/rejects/retry.h"
#include "wire/reason.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct printing {
    bool json_begun;
};

static const char *reason_name(const struct reject_row *r) { return reason_of((Parbus__Reason)r->header.reason)->name; }

static const char *detail_of(const struct reject_row *r)
{
    return *r->detail ? r->detail : reason_of((Parbus__Reason)r->header.reason)->text;
}

static void row_text(const struct reject_row *r, const char *whole, char text[static 16])
{
    if (r->row == WIRE_ROW_WHOLE)
        snprintf(text, 16, "%s", whole);
    else
        snprintf(text, 16, "%u", r->row);
}

static void table_begin(void)
{
    printf("%-20s  %-16s %8s %6s  %-20s %-24s %-10s %s\n", "RECEIVED", "FEEDER", "SEQ", "ROW", "INDEX/PERIOD", "UNIT",
           "INDICATOR", "WHY");
}

static void table_row(void *ctx, const struct reject_row *r)
{
    char received[DATE_TEXT_BYTES], row[16], topic[160];
    (void)ctx;
    date_format_ms(r->header.received_ms / 1000 * 1000, received);
    row_text(r, "all", row);
    snprintf(topic, sizeof topic, "%s/%s", r->index, r->period);
    printf("%-20s  %-16s %8" PRIu64 " %6s  ", received, r->feeder, r->seq, row);
    print_padded(stdout, topic, 20);
    putchar(' ');
    print_padded(stdout, r->unit, 24);
    putchar(' ');
    print_padded(stdout, r->indicator, 10);
    printf(" %s: ", reason_name(r));
    print_plain(stdout, detail_of(r));
    putchar('\n');
}

static void nothing(void) {}

static void csv_begin(void)
{
    printf("received_at,feeder,epoch,seq,row,reason,index,period,unit,indicator,value,detail,partition,pseq\n");
}

static void csv_fields(const char *const *field, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_csv(stdout, field[i]);
        putchar(',');
    }
}

static bool has_value(const struct reject_row *r) { return r->row != WIRE_ROW_WHOLE; }

static void csv_row(void *ctx, const struct reject_row *r)
{
    char received[DATE_TEXT_BYTES], row[16], value[VALUE_TEXT_BYTES] = "", epoch[24], seq[24];
    (void)ctx;
    date_format_ms(r->header.received_ms, received);
    row_text(r, "", row);
    snprintf(epoch, sizeof epoch, "%" PRIu64, r->epoch);
    snprintf(seq, sizeof seq, "%" PRIu64, r->seq);
    if (has_value(r))
        value_format(r->header.value, value);
    const char *const field[] = {received, r->feeder, epoch,   seq,          row,   reason_name(r),
                                 r->index, r->period, r->unit, r->indicator, value, detail_of(r)};
    csv_fields(field, sizeof field / sizeof *field);
    printf("%u,%" PRIu64 "\n", r->header.partition, r->header.pseq);
}

static void json_begin(void) { putchar('['); }
static void json_end(void) { printf("\n]\n"); }

static void json_row(void *ctx, const struct reject_row *r)
{
    struct printing *p = ctx;
    char received[DATE_TEXT_BYTES], value[VALUE_TEXT_BYTES];
    date_format_ms(r->header.received_ms, received);
    json_t *o =
        json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "received_at", received, "feeder",
                  r->feeder, "epoch", (json_int_t)r->epoch, "seq", (json_int_t)r->seq, "reason", reason_name(r),
                  "index", r->index, "period", r->period, "unit", r->unit, "indicator", r->indicator, "detail",
                  detail_of(r), "partition", (json_int_t)r->header.partition, "pseq", (json_int_t)r->header.pseq);
    json_object_set_new(o, "row", has_value(r) ? json_integer(r->row) : json_null());
    if (has_value(r)) { /* as text: JSON has no NaN and no infinity */
        value_format(r->header.value, value);
        json_object_set_new(o, "value", json_string(value));
    }
    printf(p->json_begun ? ",\n" : "\n");
    p->json_begun = true;
    json_dumpf(o, stdout, JSON_COMPACT);
    json_decref(o);
}

static const struct format {
    const char *name;
    void (*begin)(void);
    reject_row_fn *row;
    void (*end)(void);
} formats[] = {{"table", table_begin, table_row, nothing},
               {"csv", csv_begin, csv_row, nothing},
               {"json", json_begin, json_row, json_end}};
enum { FORMATS = sizeof formats / sizeof *formats };

static int print_rejects(const char *directory, const struct reject_filter *filter, const struct format *format)
{
    struct explanation stores;
    struct printing printing = {false};
    struct err_text e = {""};
    enum err err = explain_open(&stores, directory, &e);
    if (!err)
        err = reject_filter_check(&stores, filter, &e);
    if (!err) {
        format->begin();
        err = reject_list(&stores, filter, format->row, &printing, &e);
        format->end();
    }
    explain_close(&stores);
    return err ? command_failed(&command_rejects, "%s", e.text) : 0;
}

struct retrying {
    size_t done, refused;
};

static void retry_done(void *ctx, const struct retry_entry *entry)
{
    struct retrying *r = ctx;
    if (entry->again_pseq) {
        r->done++;
        return;
    }
    r->refused++;
    fprintf(stderr, "partition %u, entry %" PRIu64 ": %s\n", entry->partition, entry->pseq, entry->why);
}

static int retry(const char *directory, const struct reject_filter *filter)
{
    struct explanation stores;
    struct buffer entries = {0};
    struct retrying r = {0};
    struct err_text e = {""};
    enum err err = explain_open(&stores, directory, &e);
    if (!err)
        err = reject_filter_check(&stores, filter, &e);
    if (!err)
        err = retry_find(&stores, filter, &entries, &e);
    explain_close(&stores);
    if (!err && entries.size == 0)
        fprintf(stderr, "nothing is set aside\n");
    else if (!err)
        err = retry_ask(directory, &entries, retry_done, &r, &e);
    if (r.done + r.refused)
        fprintf(stderr, "%zu sent again, %zu refused; what is rejected again is listed by: parbus rejects\n", r.done,
                r.refused);
    buffer_free(&entries);
    link_shutdown();
    return err ? command_failed(&command_rejects, "%s", e.text) : r.refused > 0;
}

static bool take_format(const char *name, const struct format **format)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0) {
            *format = &formats[i];
            return true;
        }
    return false;
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"index", required_argument, NULL, 'i'},
                                            {"period", required_argument, NULL, 'p'},
                                            {"unit", required_argument, NULL, 'u'},
                                            {"feeder", required_argument, NULL, 'f'},
                                            {"format", required_argument, NULL, 'F'},
                                            {"limit", required_argument, NULL, 'n'},
                                            {0}};
    struct reject_filter filter = {0};
    const struct format *format = NULL;
    for (int found; (found = command_option(&command_rejects, argc, argv, options)) != -1;) {
        const char **text = found == 'i'   ? &filter.index
                            : found == 'p' ? &filter.period
                            : found == 'u' ? &filter.unit
                            : found == 'f' ? &filter.feeder
                                           : NULL;
        if (text)
            *text = optarg;
        else if (found == 'F' && !take_format(optarg, &format))
            return command_usage_error(&command_rejects, "there is no format '%s'", optarg);
        else if (found == 'n' && !command_number(optarg, 1, 1000000000, &filter.limit))
            return command_usage_error(&command_rejects, "--limit wants a number from 1 on, not '%s'", optarg);
        else if (found == '?')
            return 2;
    }
    bool again = optind < argc && strcmp(argv[optind], "retry") == 0;
    if (optind + again < argc)
        return command_usage_error(&command_rejects, "unexpected argument %s", argv[optind + again]);
    if (again && format)
        return command_usage_error(&command_rejects, "retry prints no table: --format is not for it");
    return again ? retry(directory, &filter) : print_rejects(directory, &filter, format ? format : &formats[0]);
}

const struct command command_rejects = {
    "rejects",
    "[retry] [--index I] [--period P] [--unit U] [--feeder F] [--limit N] [--format table|csv|json]",
    "what was rejected, and why",
    "Rows that were received and did not enter a ranking, by feeder and number.\n\n"
    "  retry                                     sends those again that were set aside because workers ended while at\n"
    "                                            them (POISON), once the fault is mended; under their feeder's name\n"
    "  --index I --period P --unit U --feeder F  only those; a unit by code, name or alias\n"
    "  --limit N                                 at most so many\n"
    "  --format F                                table (default), csv or json\n",
    run,
};
