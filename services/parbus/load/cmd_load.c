#include "base/err.h"
#include "base/plural.h"
#include "journal/journal.h"
#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/keys/keys.h"
#include "services/parbus/load/load.h"
#include "services/parbus/stores/stores.h"
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- nothing real is overwritten ---- */

static bool is_real(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    (void)number;
    char *name = ctx;
    if (strncmp(feeder->name, "load-", 5) != 0 && feeder->last_seq > 0)
        snprintf(name, FEEDER_NAME_BYTES, "%s", feeder->name);
    return !*name;
}

/* Synthetic values mix with real ones for good: the journal forgets nothing. */
static enum err check_nothing_real(const char *directory, struct err_text *e)
{
    struct journal *journal;
    char name[FEEDER_NAME_BYTES] = "";
    enum err err = stores_journal(&journal, directory, e);
    if (err)
        return err == ERR_NOT_FOUND ? err_set(e, err, "there is no pipeline in %s: start one with parbus up --dir %s",
                                              directory, directory)
                                    : err;
    err = journal_feeders(journal, is_real, name, e);
    journal_close(&journal);
    if (!err && *name)
        err = err_set(e, ERR_INVALID,
                      "the journal in %s holds values of feeder %s: synthetic ones would change its rankings for good. "
                      "Use a directory of its own, or say --yes",
                      directory, name);
    return err;
}

/* ---- the result ---- */

static double per_second(uint64_t count, double seconds) { return seconds > 0 ? (double)count / seconds : 0; }

static const struct {
    const char *name;
    double share;
} percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
enum { PERCENTILE_COUNT = sizeof percentiles / sizeof *percentiles };

static void print_rate(const char *what, uint64_t count, double seconds)
{
    printf("%-16s %12" PRIu64 "  in %8.3f s  %12.0f/s\n", what, count, seconds, per_second(count, seconds));
}

static void print_table(const struct load_options *o, const struct load_result *r)
{
    printf("synthetic values for %s/%s, %ld %s a submission\n\n", o->index, o->period, o->observations,
           plural((uint64_t)o->observations, "observation", "observations"));
    print_rate("sent", r->submissions, r->seconds_to_send);
    print_rate("with a receipt", r->receipts, r->seconds_to_receipt);
    print_rate("scored", r->scored, r->seconds_to_score);
    print_rate("shown", r->shown, r->seconds_to_show);
    printf("%-16s %12" PRIu64 "  with %" PRIu64 " %s\n", "deltas", r->deltas, r->delta_rows,
           plural(r->delta_rows, "row", "rows"));
    printf("%-16s %12" PRIu64 "  %s; refused %" PRIu64 " %s\n\npush to feed, ms:", "rejected", r->rejected_rows,
           plural(r->rejected_rows, "row", "rows"), r->refused, plural(r->refused, "submission", "submissions"));
    for (int i = 0; i < PERCENTILE_COUNT; i++)
        printf("  %s %.3f", percentiles[i].name, (double)load_latency_at(&r->latency, percentiles[i].share) * 1e-3);
    printf("  (%" PRIu64 " timed; %" PRIu64 " changed no score)\n", r->latency.count,
           r->submissions - r->not_timed - r->latency.count);
}

static void print_json(const struct load_options *o, const struct load_result *r)
{
    json_t *latency = json_object();
    for (int i = 0; i < PERCENTILE_COUNT; i++)
        json_object_set_new(latency, percentiles[i].name,
                            json_real((double)load_latency_at(&r->latency, percentiles[i].share) * 1e-3));
    json_object_set_new(latency, "count", json_integer((json_int_t)r->latency.count));
    json_t *result = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "index", o->index,
        "period", o->period, "observations", (json_int_t)o->observations, "submissions", (json_int_t)r->submissions,
        "receipts", (json_int_t)r->receipts, "scored", (json_int_t)r->scored, "shown", (json_int_t)r->shown, "deltas",
        (json_int_t)r->deltas, "rejected_rows", (json_int_t)r->rejected_rows, "refused", (json_int_t)r->refused,
        "seconds_to_send", r->seconds_to_send, "seconds_to_receipt", r->seconds_to_receipt, "seconds_to_score",
        r->seconds_to_score, "seconds_to_show", r->seconds_to_show, "receipts_per_second",
        per_second(r->receipts, r->seconds_to_receipt), "scored_per_second", per_second(r->scored, r->seconds_to_score),
        "push_to_feed_ms", latency);
    ASSERT(result);
    json_dumpf(result, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(result);
}

/* ---- the command ---- */

enum { OBSERVATIONS = 1, RATE, UNITS, FEEDERS, DURATION, SUBMISSIONS, INDEX, PERIOD, FORMAT, DOOR, CONTEXT, YES };
static const struct option options[] = {
    {"observations", required_argument, NULL, OBSERVATIONS},
    {"rate", required_argument, NULL, RATE},
    {"units", required_argument, NULL, UNITS},
    {"feeders", required_argument, NULL, FEEDERS},
    {"duration", required_argument, NULL, DURATION},
    {"submissions", required_argument, NULL, SUBMISSIONS},
    {"index", required_argument, NULL, INDEX},
    {"period", required_argument, NULL, PERIOD},
    {"format", required_argument, NULL, FORMAT},
    {"door", required_argument, NULL, DOOR},
    {"context", required_argument, NULL, CONTEXT},
    {"yes", no_argument, NULL, YES},
    {0},
};

/* What the options want, in the order above. */
static const char *const wanted[] = {"a number from 1 to 16384",
                                     "a number from 0 to 100000000",
                                     "a number from 1 to 1048576",
                                     "a number from 1 to 64",
                                     "seconds from 1 to 86400",
                                     "a number from 1 on",
                                     "a name of 1 to 64 bytes",
                                     "a name of 1 to 64 bytes",
                                     "table or json",
                                     "an endpoint",
                                     "a name or a file"};

static bool take_option(struct load_options *o, int option)
{
    const struct {
        long *value, most;
    } numbers[] = {[OBSERVATIONS] = {&o->observations, LOAD_OBSERVATIONS_MAX},
                   [RATE] = {&o->rate, 100000000},
                   [UNITS] = {&o->units, LOAD_UNITS_MAX},
                   [FEEDERS] = {&o->feeders, LOAD_FEEDERS_MAX},
                   [DURATION] = {&o->duration_s, 86400},
                   [SUBMISSIONS] = {&o->submissions, LONG_MAX}};
    if (option <= SUBMISSIONS)
        return command_number(optarg, option == RATE ? 0 : 1, numbers[option].most, numbers[option].value);
    if (option == INDEX)
        return *(o->index = optarg) && strlen(optarg) <= 64;
    if (option == PERIOD)
        return *(o->period = optarg) && strlen(optarg) <= 64;
    if (option == YES)
        return o->yes = true;
    if (option == DOOR)
        return *(o->door = optarg);
    if (option == CONTEXT)
        return *(o->context = optarg);
    o->json = strcmp(optarg, "json") == 0;
    return o->json || strcmp(optarg, "table") == 0;
}

static int load(const struct load_options *o)
{
    static struct load_result r;
    struct err_text e;
    enum err err = o->yes ? OK : check_nothing_real(o->directory, &e);
    if (!err)
        err = load_run(o, &r, &e);
    link_shutdown();
    if (!err || r.submissions)
        (o->json ? print_json : print_table)(o, &r);
    if (err)
        return command_failed(&command_load, "%s", e.text);
    return r.rejected_rows || r.refused ? 1 : 0;
}

static int load_with_keys(const struct load_options *without)
{
    struct named_context c;
    struct load_options o = *without;
    int status = named_context_read(&c, &command_load, o.context, NULL);
    if (!status && c.there && o.feeders > 1)
        status = command_usage_error(&command_load, "a context is that of one feeder");
    if (!status && c.there) {
        o.keys = named_context_keys(&c);
        o.name = c.context.name;
        o.door = o.door || !c.context.door[0] ? o.door : c.context.door;
    }
    if (!status)
        status = load(&o);
    named_context_forget(&c);
    return status;
}

static int run(int argc, char **argv, const char *directory)
{
    struct load_options o = {.directory = directory,
                             .index = "par-province",
                             .period = "2024",
                             .observations = 16,
                             .units = 63,
                             .feeders = 1};
    int option;
    while ((option = command_option(&command_load, argc, argv, options)) > 0 && option != '?')
        if (!take_option(&o, option))
            return command_usage_error(&command_load, "--%s wants %s, not '%s'", options[option - 1].name,
                                       wanted[option - 1], optarg);
    if (option == '?')
        return 2;
    if (optind < argc)
        return command_usage_error(&command_load, "%s: there is nothing to name here", argv[optind]);
    if (o.duration_s && o.submissions)
        return command_usage_error(&command_load, "--duration and --submissions exclude each other");
    if (!o.duration_s && !o.submissions)
        o.duration_s = 5;
    if (o.feeders > o.units)
        return command_usage_error(&command_load, "each feeder needs a unit: --feeders is at most --units");
    return o.context ? load_with_keys(&o) : load(&o);
}

const struct command command_load = {
    "load",
    "[--observations N] [--rate R] [--units N] [--feeders F] [--duration S | --submissions N] [--index I] [--period P] "
    "[--format table|json] [--door ENDPOINT] [--context NAME] [--yes]",
    "measure the pipeline with synthetic values",
    "Pushes synthetic values as feeders load-1, load-2 …, watches the feed, and tells how many submissions a second "
    "got\n"
    "their receipt, were scored and were shown, and the time from the push to the delta that shows it. A submission "
    "that\n"
    "changes no score is shown by no delta, and so is not timed. The journal forgets nothing: a directory that holds "
    "real\n"
    "values is refused.\n\n"
    "  --observations N  rows of a submission (default 16)\n"
    "  --rate R          submissions a second (default 0: as fast as possible)\n"
    "  --units N         spread over so many units (default 63)\n"
    "  --feeders F       from so many feeders (default 1)\n"
    "  --duration S      for so many seconds (default 5)\n"
    "  --submissions N   or so many submissions\n"
    "  --index I, --period P   where to (default par-province 2024)\n"
    "  --format F        table or json\n"
    "  --door ENDPOINT   through another door of this pipeline, e.g. tcp://127.0.0.1:5700\n"
    "  --context NAME    … with the keys and as the feeder of NAME.context or of a file\n"
    "  --yes             even where real values are\n"
    "  example: parbus up --dir /tmp/load --detach && parbus load --dir /tmp/load\n",
    run,
};
