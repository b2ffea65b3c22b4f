#include "base/clock.h"
#include "base/date.h"
#include "base/deadline.h"
#include "client/errors.h"
#include "reactor/reactor.h"
#include "scoring/scoring.h"
#include "services/parbus/keys/keys.h"
#include "services/parbus/print/print.h"
#include "services/parbus/rank/series_source.h"
#include "services/parbus/rank/sheet.h"
#include <stdlib.h>
#include <string.h>

enum { ONCE_US_MAX = 10000000 };

struct watch {
    const char *index, *period;
    const char *feed_at, *snapshots_at; /* NULL: those of the directory */
    const char *context;
    struct named_context named;
    enum sheet_format format;
    bool once;
    long count_max; /* deltas; 0: for ever */
    long count;
    unsigned snapshots;
    bool done, broken_pipe;
};

/* -1: go on. */
static int parse(struct watch *w, int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"count", required_argument, NULL, 'n'},
                                            {"once", no_argument, NULL, 'o'},
                                            {"feed", required_argument, NULL, 'e'},
                                            {"snapshots", required_argument, NULL, 's'},
                                            {"context", required_argument, NULL, 'c'},
                                            {0}};
    int option;
    while ((option = command_option(&command_watch, argc, argv, options)) != -1) {
        if (option == '?')
            return 2;
        if (option == 'f' && !sheet_format_of(optarg, &w->format))
            return command_usage_error(&command_watch, "there is no format '%s'", optarg);
        if (option == 'n' && !command_number(optarg, 1, 1000000000, &w->count_max))
            return command_usage_error(&command_watch, "--count wants a number from 1 on, not '%s'", optarg);
        if ((option == 'e' || option == 's') && !strstr(optarg, "://"))
            return command_usage_error(&command_watch, "an endpoint such as tcp://host:5701 is wanted, not '%s'",
                                       optarg);
        if (option == 'e')
            w->feed_at = optarg;
        if (option == 's')
            w->snapshots_at = optarg;
        if (option == 'c')
            w->context = optarg;
        w->once = w->once || option == 'o';
    }
    if (argc - optind != 2)
        return command_usage_error(&command_watch, "wants an index and a period");
    if (!w->feed_at != !w->snapshots_at)
        return command_usage_error(&command_watch, "--feed and --snapshots go together");
    w->index = argv[optind];
    w->period = argv[optind + 1];
    return -1;
}

/* ---- the table ---- */

static bool add_row(void *ctx, const struct parbus_row *row)
{
    sheet_add(ctx, row);
    return true;
}

static void print_table(const struct watch *w, const struct parbus_topic *topic)
{
    const struct parbus_table_header *h = parbus_topic_header(topic);
    struct sheet s = {
        .index = w->index,
        .period = w->period,
        .title_vi = h->title_vi,
        .title_en = h->title_en,
        .status = h->status,
        .decimals = h->decimals,
        .definition_version = h->definition_version,
        .points_max = h->points_max,
        .component_count = h->component_count,
        .component = calloc(h->component_count + 1, sizeof *s.component),
    };
    ASSERT(s.component);
    for (size_t i = 0; i < h->component_count; i++)
        s.component[i] = h->component[i]->code ? h->component[i]->code : "";
    parbus_topic_each(topic, add_row, &s);
    sheet_print(&s, w->format, 0, stdout);
    sheet_free(&s);
}

static void flush(struct watch *w)
{
    w->broken_pipe = fflush(stdout) || ferror(stdout);
    w->done = w->done || w->broken_pipe;
}

static void on_snapshot(void *ctx, const struct parbus_topic *topic)
{
    struct watch *w = ctx;
    if (w->done)
        return;
    if (w->snapshots++)
        fprintf(stderr, "parbus watch: the whole table came anew; changes in between are not listed\n");
    if (w->once || (w->format == SHEET_TABLE && w->snapshots == 1))
        print_table(w, topic);
    else if (w->format == SHEET_CSV && w->snapshots == 1)
        puts("time,seq,unit,name,score_before,score,rank_before,rank,complete");
    w->done = w->done || w->once;
    flush(w);
}

/* ---- one change ---- */

struct change {
    const char *time, *code, *name;
    uint64_t seq;
    const Parbus__Row *row;
    char before[POINTS_TEXT_BYTES], after[POINTS_TEXT_BYTES], difference[POINTS_TEXT_BYTES];
};

static void rank_text(uint32_t rank, const char *none, char out[static 16])
{
    if (rank)
        snprintf(out, 16, "%u", rank);
    else
        snprintf(out, 16, "%s", none);
}

static void print_movement(uint32_t before, uint32_t after)
{
    if (!before || !after)
        puts(after ? "  new" : before ? "  out" : "");
    else if (before == after)
        puts("  =");
    else if (after < before)
        printf("  ▲%u\n", before - after);
    else
        printf("  ▼%u\n", after - before);
}

static void change_table(const struct change *c)
{
    char before[16], after[16], unit[512];
    rank_text(c->row->rank_before, "-", before);
    rank_text(c->row->rank, "-", after);
    snprintf(unit, sizeof unit, "%s (%s)", c->name, c->code);
    printf("%s  ", c->time);
    print_padded(stdout, unit, 36);
    print_padded(stdout, *c->before ? c->before : "-", -9);
    fputs(" → ", stdout);
    print_padded(stdout, *c->after ? c->after : "-", -9);
    print_padded(stdout, c->difference, -9);
    printf("   rank %s → %s", before, after);
    print_movement(c->row->rank_before, c->row->rank);
}

static void change_csv(const struct change *c)
{
    char before[16], after[16];
    rank_text(c->row->rank_before, "", before);
    rank_text(c->row->rank, "", after);
    printf("%s,%llu,", c->time, (unsigned long long)c->seq);
    print_csv(stdout, c->code);
    putchar(',');
    print_csv(stdout, c->name);
    printf(",%s,%s,%s,%s,%d\n", c->before, c->after, before, after, c->row->complete != 0);
}

static void change_json(const struct change *c)
{
    char before[16], after[16];
    rank_text(c->row->rank_before, "null", before);
    rank_text(c->row->rank, "null", after);
    printf("{\"time\": \"%s\", \"seq\": %llu, \"unit\": ", c->time, (unsigned long long)c->seq);
    print_json(stdout, c->code);
    fputs(", \"name\": ", stdout);
    print_json(stdout, c->name);
    printf(", \"score_before\": %s, \"score\": %s, \"rank_before\": %s, \"rank\": %s, \"complete\": %s}\n",
           *c->before ? c->before : "null", *c->after ? c->after : "null", before, after,
           c->row->complete ? "true" : "false");
}

static void change_fill(struct change *c, const Parbus__Row *row, unsigned decimals)
{
    c->row = row;
    c->before[0] = c->after[0] = c->difference[0] = '\0';
    if (row->present_before)
        points_format(row->score_before, decimals, c->before);
    if (row->present)
        points_format(row->score, decimals, c->after);
    if (!row->present || !row->present_before)
        return;
    c->difference[0] = '+';
    bool up = row->score >= row->score_before;
    points_format(row->score - row->score_before, decimals, c->difference + up);
}

static void on_delta(void *ctx, const struct parbus_topic *topic, const Parbus__Delta *delta)
{
    static void (*const printers[])(const struct change *c) = {
        [SHEET_TABLE] = change_table, [SHEET_CSV] = change_csv, [SHEET_JSON] = change_json};
    struct watch *w = ctx;
    char time[DATE_TEXT_BYTES];
    date_format_ms(clock_wall_ms(), time);
    for (size_t i = 0; i < delta->n_row && !w->done; i++) {
        struct parbus_row row;
        if (!parbus_topic_row(topic, delta->row[i]->unit, &row))
            continue;
        struct change c = {.time = time, .code = row.code, .name = row.name, .seq = delta->seq};
        change_fill(&c, delta->row[i], parbus_topic_header(topic)->decimals);
        printers[w->format](&c);
    }
    if (!w->done && w->count_max && ++w->count == w->count_max)
        w->done = true;
    flush(w);
}

static void on_trouble(void *ctx, const char *text) { (void)ctx, fprintf(stderr, "parbus watch: %s\n", text); }

static void on_topic_trouble(void *ctx, const struct parbus_topic *topic, const char *text)
{
    (void)topic;
    on_trouble(ctx, text);
}

/* ---- on the reactor ---- */

struct following {
    struct watch *watch;
    struct parbus_feed *feed;
    const struct parbus_topic *topic;
    struct reactor *reactor;
    int64_t late_us; /* --once: by then there is a table */
};

/* The feed's descriptor only ends the wait: its turn is taken in each of ours. */
static void on_readable(void *following, unsigned source, struct moment now)
{
    (void)following, (void)source, (void)now;
}

static int64_t turn(void *following, struct moment now)
{
    struct following *f = following;
    struct err_text e;
    enum err err = err_of(parbus_feed_step(f->feed, public_text(&e)));
    int64_t late_us = f->watch->once && !parbus_topic_ready(f->topic) ? f->late_us : INT64_MAX;
    if (err)
        reactor_fail(f->reactor, err, "%s", e.text);
    else if (f->watch->done)
        reactor_end(f->reactor);
    else if (now.mono_us > late_us)
        reactor_fail(f->reactor, ERR_TIMEOUT,
                     "the publisher does not answer; is parbus up? 'parbus rank' works without it");
    return earlier_us(parbus_feed_deadline_us(f->feed), late_us);
}

static int follow(struct watch *w, struct parbus_feed *feed, const struct parbus_topic *topic)
{
    struct following f = {w, feed, topic, NULL, clock_mono_us() + ONCE_US_MAX};
    struct err_text e;
    const struct reactor_source source = {
        .name = "feed", .kind = REACTOR_DESCRIPTOR, .fd = parbus_feed_fd(feed), .ready = on_readable};
    const struct reactor_options options = {
        .hooks = {.ctx = &f, .tick = turn}, .sources = &source, .count = 1, .stop_fd = command_stop_descriptor()};
    enum err err = reactor_open(&f.reactor, &options, &e);
    if (!err)
        err = reactor_run(f.reactor, &e);
    reactor_close(&f.reactor);
    return err ? command_failed(&command_watch, "%s", e.text) : w->broken_pipe ? 1 : 0;
}

static enum err open_feed(const struct watch *w, const char *directory, struct parbus_feed **feed, struct err_text *e)
{
    char events[LINK_ENDPOINT_BYTES], snapshots[LINK_ENDPOINT_BYTES];
    struct parbus_feed_options options = {
        .feed_endpoint = w->feed_at ? w->feed_at : events,
        .snapshot_endpoint = w->snapshots_at ? w->snapshots_at : snapshots,
        .keys = named_context_keys(&w->named),
        .trouble = on_trouble,
    };
    enum err err = w->feed_at ? OK : link_endpoint(events, directory, "feed", e);
    if (!err && !w->snapshots_at)
        err = link_endpoint(snapshots, directory, "snapshot", e);
    return err ? err : err_of(parbus_feed_open(feed, &options, public_text(e)));
}

static int open_and_follow(struct watch *w, const char *directory)
{
    char name[LINK_TOPIC_BYTES_MAX];
    struct parbus_feed *feed = NULL;
    struct parbus_topic *topic = NULL;
    struct err_text e;
    snprintf(name, sizeof name, "%s/%s", w->index, w->period);
    struct parbus_topic_events events = {
        .ctx = w, .snapshot = on_snapshot, .delta = on_delta, .trouble = on_topic_trouble};
    enum err err = open_feed(w, directory, &feed, &e);
    if (!err)
        err = err_of(parbus_feed_follow(feed, name, &events, &topic, public_text(&e)));
    int status = err ? command_failed(&command_watch, "%s", e.text) : follow(w, feed, topic);
    parbus_feed_close(&feed);
    link_shutdown();
    return status;
}

static int take_context(struct watch *w, const char *directory)
{
    const struct context *c = &w->named.context;
    int status = named_context_read(&w->named, &command_watch, w->context, w->feed_at ? NULL : directory);
    if (w->named.there && !w->feed_at && c->feed[0] && c->snapshots[0])
        w->feed_at = c->feed, w->snapshots_at = c->snapshots;
    return status;
}

static int run(int argc, char **argv, const char *directory)
{
    struct watch w = {0};
    struct series_source source;
    int status = parse(&w, argc, argv);
    if (status >= 0 || (status = take_context(&w, directory)))
        return status;
    if (!w.feed_at) { /* from afar there is no journal in which to look whether there is such a series */
        if (!command_may_work_in(&command_watch, directory) ||
            !series_source_open(&source, &command_watch, directory, w.index, w.period))
            return 1;
        series_source_close(&source);
    }
    status = open_and_follow(&w, directory);
    named_context_forget(&w.named);
    return status;
}

const struct command command_watch = {
    .name = "watch",
    .usage = "INDEX PERIOD [--once] [--count N] [--format table|csv|json] [--context NAME] "
             "[--feed ENDPOINT --snapshots ENDPOINT]",
    .summary = "shows a ranking and how it moves",
    .help = "Prints the table, then a line for each unit that changes: time, unit, score and rank before and after.\n"
            "Goes on when the publisher restarts. Ctrl-C ends it.\n\n"
            "  --once      only the table as it is now (in the given format)\n"
            "  --count N   ends after N deltas; one delta may change several units\n"
            "  --format F  table (default); csv or json: one line per change\n"
            "  --feed ENDPOINT --snapshots ENDPOINT\n"
            "              of a pipeline elsewhere, e.g. tcp://host:5701 and tcp://host:5702\n"
            "  --context NAME\n"
            "              your key and the addresses, from NAME.context or a file (default: $PARBUS_CONTEXT)\n",
    .run = run,
};
