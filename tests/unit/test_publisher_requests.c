/* Snapshots, resumes and topics that subscribers ask for. */
#include "little_catalog.h"
#include "witness.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static struct witness *v;

static void setup(void) { v = witness_new(1); }
static void teardown(void) { witness_free(v); }
TestSuite(publisher_requests, .init = setup, .fini = teardown);

Test(publisher_requests, a_snapshot_holds_every_unit_with_or_without_values)
{
    witness_publish_one(v, 7, 4 * MICRO);
    witness_ask_snapshot(v, WORLD_TOPIC, 9);
    world_tick(&v->world);
    const uint32_t kinds[] = {PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, PARBUS__FROM_SNAPSHOTS__BODY_ROWS,
                              PARBUS__FROM_SNAPSHOTS__BODY_END};
    cr_assert_eq(v->answers, 3);
    cr_assert_arr_eq(v->kind, kinds, sizeof kinds);
    cr_assert_eq(v->snapshot_rows, WORLD_UNITS);
    cr_assert_eq(v->snapshot_present, 1);
    cr_assert_eq(v->begin_seq, 1);
    cr_assert_eq(v->end_seq, 1);
}

Test(publisher_requests, a_client_that_reads_slowly_gets_the_rest_later)
{
    v->refuse = ERR_BUSY;
    witness_ask_snapshot(v, WORLD_TOPIC, 9);
    cr_assert_leq(world_tick(&v->world), v->world.now_us + 10 * WORLD_MS);
    cr_assert_eq(v->answers, 0);
    v->refuse = OK;
    v->world.now_us += 10 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->snapshot_rows, WORLD_UNITS);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_served], 1);
}

Test(publisher_requests, a_client_that_never_reads_is_given_up)
{
    v->refuse = ERR_BUSY;
    witness_ask_snapshot(v, WORLD_TOPIC, 9);
    world_tick(&v->world);
    v->world.now_us += 31000 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1);
    v->refuse = OK;
    world_tick(&v->world);
    cr_assert_eq(v->answers, 0);
}

Test(publisher_requests, a_client_that_went_away_is_forgotten)
{
    v->refuse = ERR_NOT_FOUND;
    witness_ask_snapshot(v, WORLD_TOPIC, 9);
    world_tick(&v->world);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1);
}

Test(publisher_requests, asking_again_takes_the_place_of_the_first_question)
{
    v->refuse = ERR_BUSY;
    for (uint64_t request = 1; request < 5; request++)
        witness_ask_snapshot(v, WORLD_TOPIC, request);
    world_tick(&v->world);
    v->refuse = OK;
    v->world.now_us += 10 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->answers, 3);
}

Test(publisher_requests, resumes_from_the_ring)
{
    for (int i = 1; i <= 10; i++)
        witness_publish_one(v, 7, i * MICRO);
    witness_ask_resume(v, v->world.epoch, 4);
    cr_assert_eq(v->resumed_deltas, 6);
    cr_assert_eq(v->end_seq, 10);
    cr_assert_not(v->more);
    witness_ask_resume(v, v->world.epoch, 10);
    cr_assert_eq(v->resumed_deltas, 6);
}

Test(publisher_requests, a_position_that_left_the_ring_is_told_to_start_again)
{
    v->world.settings.feed_ring_deltas = 3;
    world_restart(&v->world);
    for (int i = 1; i <= 10; i++)
        witness_publish_one(v, 7, i * MICRO);
    witness_ask_resume(v, v->world.epoch, 7);
    cr_assert_eq(v->resumed_deltas, 3);
    witness_ask_resume(v, v->world.epoch, 6);
    cr_assert_eq(v->kind[1], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
}

Test(publisher_requests, the_bytes_of_all_rings_are_bounded)
{
    v->world.settings.feed_ring_bytes_max = 4096;
    world_restart(&v->world);
    for (int i = 1; i <= 300; i++)
        witness_publish_one(v, 7, i * MICRO);
    witness_ask_resume(v, v->world.epoch, 1);
    cr_assert_eq(v->kind[0], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    witness_ask_resume(v, v->world.epoch, 290);
    cr_assert_eq(v->resumed_deltas, 10);
}

Test(publisher_requests, another_epoch_or_a_position_ahead_is_told_to_start_again)
{
    witness_ask_resume(v, v->world.epoch + 1, 0);
    witness_ask_resume(v, v->world.epoch, 1);
    cr_assert_eq(v->answers, 2);
    cr_assert_eq(v->kind[0], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    cr_assert_eq(v->kind[1], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    cr_assert_not(v->topic_unknown);
}

Test(publisher_requests, an_unknown_topic_is_named_as_such)
{
    static const char *const topics[] = {"little/1999", "", "/", "no-such/2025", "little"};
    for (int i = 0; i < 5; i++)
        witness_ask_snapshot(v, topics[i], 1);
    cr_assert_eq(v->answers, 5);
    cr_assert(v->topic_unknown);
}

Test(publisher_requests, a_new_period_is_there_as_soon_as_it_is_opened)
{
    struct page page;
    page_period(&page, catalog_control_seq(v->world.catalog) + 1, "little", "2026");
    world_control(&v->world, &page);
    witness_ask_snapshot(v, "little/2026", 1);
    world_tick(&v->world);
    cr_assert_eq(v->snapshot_rows, WORLD_UNITS);
    cr_assert_eq(publisher_topics(v->world.publisher), 2);
}

/* ---- size ---- */

static void on_sized_publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    struct wire_message m;
    struct err_text e;
    (void)ctx, (void)topic;
    cr_assert_leq(bytes, 1 << 20);
    arena_reset(&v->arena);
    cr_assert_eq(wire_open(&wire_feed_event, event, bytes, &v->arena, &m, &e), OK, "%s", e.text);
    const Parbus__Delta *d = (const Parbus__Delta *)m.message;
    if (m.kind != PARBUS__FEED_EVENT__BODY_DELTA)
        return;
    v->deltas++;
    for (size_t i = 0; i < d->n_row; i++) {
        cr_assert_eq(d->row[i]->unit, ++v->rows);
        /* Each delta's ranks are those of the table after it: the units so far have fewer points one by one. */
        cr_assert_eq(d->row[i]->rank, v->rows);
        cr_assert_eq(d->row[i]->rank_before, 0);
    }
}

static void no_reload(void *ctx, struct publisher *p, uint64_t journal_id, uint32_t partition)
{
    (void)ctx, (void)p, (void)journal_id, (void)partition;
}

Test(publisher_requests, many_changes_and_large_tables_are_cut_to_the_size_of_a_message)
{
    enum { UNITS = 20000, TOPS = 6 };
    teardown();
    v = calloc(1, sizeof *v);
    arena_init(&v->arena, 64 << 20);
    v->world.catalog = little_catalog_new(UNITS, TOPS);
    little_catalog_open(v->world.catalog, "2025");
    v->world.settings.feed_ring_bytes_max = 64 << 20;
    v->world.settings.feed_ring_deltas = 1000;
    v->world.settings.snapshots_per_client_max = 1;
    struct publisher_options o = {.settings = &v->world.settings,
                                  .worker = {.heartbeat_us = 250000, .catalog = v->world.catalog},
                                  .metrics = &v->world.metrics,
                                  .epoch = 1,
                                  .io = {v, world_send, world_hear, on_sized_publish, witness_on_answer, no_reload}};
    v->world.publisher = publisher_new(&o, at(0));
    world_welcome(&v->world, 1);
    for (uint32_t unit = UNITS; unit >= 1; unit--) {
        int64_t points[TOPS + 1] = {(int64_t)(UNITS - unit) * MICRO, INT64_MAX, INT64_MIN};
        struct unit_score score = {
            .series = 1,
            .unit = unit,
            .header = {.complete = true, .present = true, .node_count = TOPS + 1, .cause_epoch = UINT64_MAX},
            .points = points};
        publisher_load(v->world.publisher, &score, 1);
    }
    publisher_tick(v->world.publisher, at(0));
    cr_assert_eq(v->rows, UNITS);
    cr_assert_gt(v->deltas, 1);
    witness_ask_snapshot(v, WORLD_TOPIC, 1);
    publisher_tick(v->world.publisher, at(1));
    cr_assert_eq(v->snapshot_rows, UNITS);
    witness_ask_resume(v, 1, 0);
    cr_assert_eq(v->resumed_deltas, v->deltas);
    cr_assert_gt(v->answers, 6);
    cr_assert_not(v->more);
}
