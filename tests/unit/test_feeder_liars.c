/* An ingestor or a publisher that says anything: feeder and feed go on, or fail with a sentence. */
#include "client/feed_table.h"
#include "feeder_world.h"
#include "liar.h"
#include <criterion/criterion.h>

enum { SEEDS = 100, LIVES = 1500, MESSAGES = 300 }; /* most lives of a feeder end by a refusal for good */

static void hear_anything(uint64_t seed, bool stored)
{
    struct liar l;
    struct world *w = world_new(seed);
    w->stored = stored;
    world_start_feeder(w, 3);
    liar_init(&l, seed << 32);
    for (uint32_t i = 0; i < MESSAGES && feeder_core_failure(w->core, NULL) == OK; i++) {
        struct wire_message m;
        struct parbus_feeder_totals totals = feeder_core_totals(w->core);
        l.hint[0] = totals.last_seq, l.hint[1] = totals.receipted + 1, l.hint[2] = l.hint[3] = totals.epoch;
        l.hint_count = 4;
        liar_say(&l, &wire_to_feeder, &parbus__to_feeder__descriptor, &m);
        feeder_core_receive(w->core, &m, (struct moment){w->now_us, 0});
        if (liar_below(&l, 4) == 0)
            world_submit(w, i + 1);
        if (liar_below(&l, 4) == 0)
            world_sync_store(w);
        w->now_us += (int64_t)liar_below(&l, 100000);
        feeder_core_tick(w->core, (struct moment){w->now_us, 0});
    }
    liar_free(&l);
    world_free(w);
}

Test(feeder_liars, whatever_the_ingestor_says_the_feeder_goes_on, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= LIVES; seed++)
        hear_anything(seed, seed % 2);
}

static void tell_anything(struct liar *l, struct feed_table *table, int64_t now_us)
{
    struct wire_message m;
    if (liar_below(l, 2)) {
        liar_say(l, &wire_feed_event, &parbus__feed_event__descriptor, &m);
        feed_table_event(table, &m, now_us);
    } else {
        liar_say(l, &wire_from_snapshots, &parbus__from_snapshots__descriptor, &m);
        feed_table_answer(table, &m, now_us);
    }
}

Test(feeder_liars, whatever_the_publisher_says_the_feed_goes_on, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct liar l;
        struct buffer out = {0};
        int64_t now_us = 1000000;
        struct feed_table *table = feed_table_new("pci/2013", NULL, now_us);
        liar_init(&l, seed << 32);
        for (int i = 0; i < 3 * MESSAGES; i++) {
            tell_anything(&l, table, now_us);
            feed_table_tick(table, now_us += (int64_t)liar_below(&l, 100000), &out);
        }
        liar_free(&l);
        buffer_free(&out);
        feed_table_destroy(&table);
    }
}
