#include "witness.h"
#include <criterion/criterion.h>
#include <string.h>

static struct witness *v;

static void setup(void) { v = witness_new(1); }
static void teardown(void) { witness_free(v); }
TestSuite(publisher_core, .init = setup, .fini = teardown);

static void assert_table_is_the_truth(void)
{
    uint64_t seq;
    const struct standings *table = publisher_table(v->world.publisher, 1, &seq);
    cr_assert_eq(seq, v->seq);
    for (uint32_t i = 0; i < WORLD_UNITS; i++) {
        const struct world_unit *u = &v->world.now[i];
        const struct standing *s = &table->row[i];
        cr_assert_eq(s->present, u->present, "unit %u", i + 1);
        cr_assert_eq(s->complete, u->complete, "unit %u", i + 1);
        cr_assert_eq(s->score, u->points[0], "unit %u", i + 1);
        cr_assert_arr_eq(s->component, u->points + 1, WORLD_TOPS * sizeof(int64_t));
        cr_assert_eq(s->appraised_share, u->appraised_share);
        cr_assert_eq(v->row[i].score, s->score);
        cr_assert_eq(standings_rank(table, i), witness_rank(v->row, WORLD_UNITS, i));
    }
}

/* ---- following the scorers ---- */

enum { HELD_MAX = 32 };
struct held { /* messages under way */
    struct buffer message[HELD_MAX];
    unsigned count;
};

/* The message may get lost, come twice, or come later than others. */
static void disturb(struct held *h, const struct buffer *message)
{
    for (uint64_t copies = world_random(&v->world, 10); copies; copies = copies == 9 ? 5 : 0)
        if (h->count < HELD_MAX)
            buffer_append(&h->message[h->count++], message->data, message->size);
}

static void deliver_some(struct held *h, bool all)
{
    while (h->count && (all || world_random(&v->world, 3))) {
        unsigned i = world_random(&v->world, 4) ? 0 : (unsigned)world_random(&v->world, h->count);
        world_deliver(&v->world, &h->message[i]);
        buffer_free(&h->message[i]);
        memmove(&h->message[i], &h->message[i + 1], (--h->count - i) * sizeof *h->message);
        h->message[h->count] = (struct buffer){0};
    }
}

static void disturbed_step(struct held *h, struct buffer *b)
{
    struct world *w = &v->world;
    world_change(w);
    uint32_t p = (uint32_t)world_random(w, WORLD_PARTITIONS);
    world_scores(w, p, b);
    disturb(h, b);
    if (!world_random(w, 5))
        world_commit(w, (uint32_t)world_random(w, WORLD_PARTITIONS));
    if (!world_random(w, 10)) {
        world_committed(w, b);
        disturb(h, b);
    }
    deliver_some(h, false);
    w->now_us += (int64_t)world_random(w, 30 * WORLD_MS);
    world_tick(w);
}

static void settle(struct buffer *b)
{
    struct world *w = &v->world;
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++)
        world_commit(w, p);
    world_committed(w, b);
    world_deliver(w, b);
    for (int i = 0; i < 20; i++) {
        w->now_us += 100 * WORLD_MS;
        world_tick(w);
    }
}

Test(publisher_core, holds_the_truth_whatever_is_lost_repeated_or_reordered)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        teardown();
        v = witness_new(seed);
        struct held h = {.count = 0};
        struct buffer b = {0};
        for (int i = 0; i < 300; i++)
            disturbed_step(&h, &b);
        deliver_some(&h, true);
        settle(&b);
        assert_table_is_the_truth();
        cr_assert_gt(v->deltas, 20);
        cr_assert_gt(v->world.metrics.value[METRIC_partitions_reloaded], 0);
        buffer_free(&b);
    }
}

Test(publisher_core, state_that_lags_behind_never_takes_a_row_back)
{
    struct world *w = &v->world;
    struct buffer lost = {0};
    world_set(w, 4, 1 * MICRO, true);
    world_commit(w, 0);
    world_set(w, 8, 1 * MICRO, true);
    world_scores(w, 0, &lost);
    world_set(w, 4, 9 * MICRO, true);
    world_send_scores(w, 0);
    /* Something is missing now, but state does not have it yet. */
    w->now_us += 60 * WORLD_MS;
    world_tick(w);
    w->now_us += 60 * WORLD_MS;
    world_tick(w);
    cr_assert_eq(v->row[3].score, 9 * MICRO);
    cr_assert_not(v->row[7].present);
    world_commit(w, 0);
    w->now_us += 60 * WORLD_MS;
    world_tick(w);
    w->now_us += 60 * WORLD_MS;
    world_tick(w);
    assert_table_is_the_truth();
    /* From here on nothing is missing: state is left alone. */
    uint64_t reloads = w->metrics.value[METRIC_partitions_reloaded];
    world_set(w, 8, 2 * MICRO, true);
    world_send_scores(w, 0);
    settle(&lost);
    assert_table_is_the_truth();
    cr_assert_eq(w->metrics.value[METRIC_partitions_reloaded], reloads);
    buffer_free(&lost);
}

Test(publisher_core, a_commit_beyond_the_last_message_makes_it_read_state)
{
    struct buffer b = {0};
    world_set(&v->world, 5, 3 * MICRO, true);
    world_scores(&v->world, 1, &b); /* never arrives */
    settle(&b);
    assert_table_is_the_truth();
    cr_assert_eq(v->world.metrics.value[METRIC_partitions_reloaded], 1);
    buffer_free(&b);
}

Test(publisher_core, starts_with_what_state_holds)
{
    world_set(&v->world, 5, 3 * MICRO, true);
    world_commit(&v->world, 1);
    world_restart(&v->world);
    uint64_t seq;
    const struct standings *table = publisher_table(v->world.publisher, 1, &seq);
    cr_assert_eq(seq, 0);
    cr_assert_eq(table->row[4].score, 3 * MICRO);
    cr_assert_eq(v->deltas, 0);
}

Test(publisher_core, counts_units_and_partitions_that_do_not_exist)
{
    Parbus__UnitScore unit = PARBUS__UNIT_SCORE__INIT, *pointer = &unit;
    Parbus__Scores m = PARBUS__SCORES__INIT;
    struct wire_message message = {.kind = PARBUS__TO_PUBLISHER__BODY_SCORES, .message = &m.base};
    m.pseq = 1, m.n_unit = 1, m.unit = &pointer;
    unit.series = 1, unit.unit = WORLD_UNITS + 1;
    publisher_receive(v->world.publisher, PUBLISHER_SCORES, peer_unnamed(1), &message, at(v->world.now_us));
    m.pseq = 2, unit.series = 77;
    publisher_receive(v->world.publisher, PUBLISHER_SCORES, peer_unnamed(1), &message, at(v->world.now_us));
    m.partition = WORLD_PARTITIONS;
    publisher_receive(v->world.publisher, PUBLISHER_SCORES, peer_unnamed(1), &message, at(v->world.now_us));
    cr_assert_eq(v->world.metrics.value[METRIC_messages_malformed], 2);
    cr_assert_eq(v->world.metrics.value[METRIC_records_refused], 1, "a series that it may not know yet");
}

Test(publisher_core, what_could_not_be_read_is_counted)
{
    struct wire_message bad = {.err = ERR_INVALID, .why = "ToSnapshots: the envelope cannot be read"};
    for (enum publisher_source from = PUBLISHER_COORDINATOR; from <= PUBLISHER_SNAPSHOTS; from++)
        publisher_receive(v->world.publisher, from, peer_unnamed(9), &bad, at(v->world.now_us));
    cr_assert_eq(v->world.metrics.value[METRIC_messages_malformed], 3);
    cr_assert_eq(v->answers, 0);
}

/* ---- deltas ---- */

/* The unit's points change so many times, and a scorer tells of each. */
static void tell_changes(struct world *w, uint32_t unit, int times)
{
    for (int i = 0; i < times; i++) {
        world_set(w, unit, w->now[unit - 1].points[0] + MICRO, true);
        world_send_scores(w, world_partition(unit));
    }
}

Test(publisher_core, with_little_to_do_each_change_goes_out_at_once)
{
    struct world *w = &v->world;
    for (unsigned i = 1; i <= 100; i++) {
        tell_changes(w, 1, 1);
        world_tick(w);
        cr_assert_eq(v->deltas, i);
        w->now_us += WORLD_MS;
    }
}

Test(publisher_core, the_more_there_is_to_do_the_more_is_merged)
{
    static const int changes_a_ms[] = {10, 40, 80};
    unsigned deltas[3];
    for (int k = 0; k < 3; k++) {
        teardown();
        setup();
        for (int i = 0; i < 200; i++) {
            tell_changes(&v->world, 1 + (uint32_t)i % WORLD_UNITS, changes_a_ms[k]);
            world_tick(&v->world);
            v->world.now_us += WORLD_MS;
        }
        deltas[k] = v->deltas;
    }
    cr_assert_eq(deltas[0], 200, "that is little");
    cr_assert(deltas[1] < 60 && deltas[2] < deltas[1], "%u %u", deltas[1], deltas[2]);
}

Test(publisher_core, a_change_waits_for_feed_merge_ms_at_most)
{
    struct world *w = &v->world;
    tell_changes(w, 1, 1);
    world_tick(w);
    cr_assert_eq(v->deltas, 1);
    for (int i = 0; i < 19; i++) {
        w->now_us += WORLD_MS;
        tell_changes(w, 1, 200);
        tell_changes(w, 5, 200);
        cr_assert_leq(world_tick(w), w->now_us + (19 - i) * WORLD_MS);
    }
    cr_assert_eq(v->deltas, 1, "there is more to do than can be told of");
    w->now_us += WORLD_MS;
    world_tick(w);
    cr_assert_eq(v->deltas, 2);
    cr_assert_eq(v->rows, 3);
}

Test(publisher_core, feed_merge_ms_0_merges_nothing_however_much_there_is_to_do)
{
    v->world.settings.feed_merge_ms = 0;
    for (unsigned i = 1; i <= 20; i++) {
        tell_changes(&v->world, 1, 200);
        world_tick(&v->world);
        cr_assert_eq(v->deltas, i);
    }
}

Test(publisher_core, a_changed_cause_alone_is_not_sent)
{
    witness_publish_one(v, 7, 4 * MICRO);
    witness_publish_one(v, 7, 4 * MICRO);
    cr_assert_eq(v->deltas, 1);
}

Test(publisher_core, a_row_that_comes_back_before_the_delta_is_not_sent)
{
    witness_publish_one(v, 7, 4 * MICRO);
    world_set(&v->world, 7, 5 * MICRO, true);
    world_send_scores(&v->world, 3);
    world_set(&v->world, 7, 4 * MICRO, true);
    world_send_scores(&v->world, 3);
    v->world.now_us += 50 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->deltas, 1);
}

Test(publisher_core, names_the_submission_that_changed_a_row)
{
    witness_publish_one(v, 7, 4 * MICRO);
    cr_assert_eq(v->last.cause_feeder, 1);
    cr_assert_eq(v->last.cause_seq, v->world.now[6].cause_seq);
}

Test(publisher_core, a_unit_leaves_the_ranking_and_comes_back)
{
    witness_publish_one(v, 1, 4 * MICRO);
    witness_publish_one(v, 2, 4 * MICRO);
    world_set(&v->world, 1, 4 * MICRO, false);
    world_send_scores(&v->world, 1);
    v->world.now_us += 50 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->last.rank_before, 1);
    cr_assert_eq(v->last.rank, 0);
    witness_publish_one(v, 1, 4 * MICRO);
    cr_assert_eq(v->last.rank_before, 0);
    cr_assert_eq(v->last.rank, 1);
}

Test(publisher_core, a_heartbeat_comes_on_every_topic_in_its_time)
{
    for (int i = 0; i < 100; i++) {
        world_tick(&v->world);
        v->world.now_us += 50 * WORLD_MS;
    }
    cr_assert_eq(v->heartbeats, 5);
}
