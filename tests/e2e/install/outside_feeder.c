/* A feeder as somebody outside this project would write it: only installed headers and the installed archive. Pushes
 * one submission, waits until it is scored, asks whether the pipeline is well, and prints the unit's row as the feed
 * shows it. */
#include <parbus/feed.h>
#include <parbus/feeder.h>
#include <stdio.h>
#include <string.h>

static bool print_unit(void *ctx, const struct parbus_row *row)
{
    if (strcmp(row->code, ctx) != 0)
        return true;
    printf("%s %lld present=%d\n", row->code, (long long)row->score, row->present);
    return false;
}

static void note_stats(void *ctx, const Parbus__StatsReply *stats)
{
    bool *well = ctx;
    *well = stats->accepting && stats->n_worker > 0;
}

static int push(const char *door, const char *outbox, struct parbus_err_text *e)
{
    struct parbus_feeder *feeder = NULL;
    bool well = false;
    struct parbus_feeder_options options = {
        .endpoint = door, .name = "outside", .outbox = outbox, .events = {.ctx = &well, .stats = note_stats}};
    uint32_t indicator[] = {2, 3};
    double value[] = {10.25, 4.5};
    uint64_t seq;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.index = "qd766";
    s.period = "2025";
    s.unit = "Bắc Ninh";
    s.has_stage = 1;
    s.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    s.n_indicator = s.n_value = 2;
    s.indicator = indicator;
    s.value = value;
    enum parbus_err err = parbus_feeder_open(&feeder, &options, e);
    if (err == PARBUS_OK)
        err = parbus_feeder_submit(feeder, &s, &seq, e);
    if (err == PARBUS_OK) /* from here on it goes out even if this program is killed and started again */
        err = parbus_feeder_sync(feeder, e);
    for (int i = 0; err == PARBUS_OK && i < 200 && parbus_feeder_totals(feeder).scored == 0; i++)
        err = parbus_feeder_poll(feeder, 100, e);
    if (err == PARBUS_OK)
        parbus_feeder_stats(feeder);
    for (int i = 0; err == PARBUS_OK && i < 200 && !well; i++)
        err = parbus_feeder_poll(feeder, 100, e);
    int accepted = (int)parbus_feeder_totals(feeder).accepted_rows;
    parbus_feeder_close(&feeder);
    return err == PARBUS_OK && well && accepted == 2 ? 0 : 1;
}

static int watch(const char *feed_endpoint, const char *snapshot_endpoint, struct parbus_err_text *e)
{
    struct parbus_feed *feed = NULL;
    struct parbus_topic *topic = NULL;
    struct parbus_feed_options options = {.feed_endpoint = feed_endpoint, .snapshot_endpoint = snapshot_endpoint};
    enum parbus_err err = parbus_feed_open(&feed, &options, e);
    if (err == PARBUS_OK)
        err = parbus_feed_follow(feed, "qd766/2025", NULL, &topic, e);
    for (int i = 0; err == PARBUS_OK && i < 200 && !parbus_topic_ready(topic); i++)
        err = parbus_feed_poll(feed, 100, e);
    if (err == PARBUS_OK && parbus_topic_ready(topic))
        parbus_topic_each(topic, print_unit, "H05");
    parbus_feed_close(&feed);
    return err == PARBUS_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct parbus_err_text e = {""};
    if (argc != 5)
        return 2;
    int status = push(argv[1], argv[4], &e);
    if (status == 0)
        status = watch(argv[2], argv[3], &e);
    if (status)
        fprintf(stderr, "outside_feeder: %s\n", e.text);
    return status;
}
