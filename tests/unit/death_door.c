#include "base/err.h"
#include "death.h"
#include "services/ingestor/receipts.h"

static struct door door;
static struct group group;

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    return (void)ctx, (void)source, (void)peer, (void)kind, (void)m, OK;
}

static uint64_t none(const void *ctx, uint32_t p) { return (void)ctx, (void)p, 0; }

/* Feeder 1 has come to 7, of which 5 have a receipt and one of these was refused; 6 and 7, 30 bytes, are in a group
 * that the journal has by now. */
static struct feeder *appended(void)
{
    static struct settings settings;
    static struct metrics metrics;
    static struct catalog *catalog;
    static const struct ingestor_io io = {.send = send};
    feeders_free(&door.feeders);
    group_free(&group);
    settings_defaults(&settings);
    if (!catalog)
        catalog = catalog_new();
    door_init(&door, &settings, &io, &metrics, catalog);
    group_init(&group, 1);
    uint32_t number = feeders_add_newcomer(&door.feeders, 9, "h05", 1);
    feeders_connect(&door.feeders, number, (struct peer){9, "owner"});
    struct feeder *f = feeders_at(&door.feeders, number);
    f->receipted = 5, f->mark.last_seq = 7;
    f->mark.refused = f->receipted_refused = 1;
    f->unreceipted_bytes = 30;
    f->entering = true;
    door.feeders.entering = 1;
    group_feeder(&group, group_add_feeder(&group, number))->bytes = 30;
    group_close(&group, 1, none, NULL)[0] = (struct journal_mark){number, f->mark};
    feeders_assert(f); /* so far all is well */
    return f;
}

static void receipted_beyond_taken(void) { appended()->mark.last_seq = 6; }
static void receipt_goes_back(void) { appended()->receipted = 8; }
static void door_window_would_be_negative(void) { appended()->unreceipted_bytes = 29; }
static void bytes_wait_for_no_receipt(void) { appended()->unreceipted_bytes = 31; }
static void entering_would_be_negative(void)
{
    appended();
    door.feeders.entering = 0;
}
static void more_feeders_than_there_are(void)
{
    appended();
    door.feeders.journalled = 1;
}
static void refused_goes_back(void) { appended()->mark.refused = 0; }

static void sound(void) { appended(); }
static void go_on(void)
{
    receipts_give(&door, &group, (struct moment){0});
    ASSERT(feeders_at(&door.feeders, 1)->receipted == 7 && door.feeders.entering == 0);
}

const struct deaths door_deaths = {
    sound,
    go_on,
    {
        {"receipted_beyond_taken", receipted_beyond_taken},
        {"receipt_goes_back", receipt_goes_back},
        {"door_window_would_be_negative", door_window_would_be_negative},
        {"bytes_wait_for_no_receipt", bytes_wait_for_no_receipt},
        {"entering_would_be_negative", entering_would_be_negative},
        {"more_feeders_than_there_are", more_feeders_than_there_are},
        {"refused_goes_back", refused_goes_back},
    },
};
