#include "feed_world.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What a subscriber who loses nothing would hold, kept the naive way. */
struct model_row {
    bool present, complete;
    int64_t score;
};
struct witness {
    struct world world;
    struct arena arena;
    struct model_row row[WORLD_UNITS];
    uint64_t epoch, seq;
    unsigned deltas, rows, heartbeats;
    Parbus__Row last; /* of the last delta's first unit */
    /* answers */
    enum err refuse; /* what answering gives back */
    uint32_t kind[64];
    unsigned answers, resumed_deltas;
    uint32_t snapshot_rows, snapshot_present;
    uint64_t begin_seq, end_seq;
    bool topic_unknown, more;
    char text[256];
};

static uint32_t naive_rank(const struct model_row *row, size_t count, size_t i)
{
    uint32_t rank = row[i].complete;
    for (size_t k = 0; k < count && rank; k++)
        rank += row[k].complete && row[k].score > row[i].score;
    return rank;
}

static void witness_delta(struct witness *v, const Parbus__Delta *d)
{
    cr_assert_eq(d->prev_seq, v->seq);
    cr_assert_eq(d->seq, v->seq + 1);
    cr_assert_gt(d->n_row, 0);
    for (size_t i = 0; i < d->n_row; i++) {
        const Parbus__Row *r = d->row[i];
        const struct model_row *before = &v->row[r->unit - 1];
        cr_assert(i == 0 || d->row[i - 1]->unit < r->unit);
        cr_assert_eq(r->score_before, before->score);
        cr_assert_eq(r->present_before, before->present);
        cr_assert_eq(r->rank_before, naive_rank(v->row, WORLD_UNITS, r->unit - 1));
    }
    for (size_t i = 0; i < d->n_row; i++)
        v->row[d->row[i]->unit - 1] = (struct model_row){d->row[i]->present, d->row[i]->complete, d->row[i]->score};
    for (size_t i = 0; i < d->n_row; i++)
        cr_assert_eq(d->row[i]->rank, naive_rank(v->row, WORLD_UNITS, d->row[i]->unit - 1));
    v->seq = d->seq;
    v->deltas++;
    v->rows += (unsigned)d->n_row;
    v->last = *d->row[0];
}

static void on_publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    struct witness *v = ctx;
    struct wire_message m;
    struct err_text e;
    arena_reset(&v->arena);
    cr_assert_eq(wire_open(&wire_feed_event, event, bytes, &v->arena, &m, &e), OK, "%s", e.text);
    if (strcmp(topic, WORLD_TOPIC))
        return;
    if (m.kind == PARBUS__FEED_EVENT__BODY_DELTA)
        witness_delta(v, (const Parbus__Delta *)m.message);
    else
        v->heartbeats++;
}

static void witness_rows(struct witness *v, const Parbus__SnapshotRows *rows)
{
    v->snapshot_rows += (uint32_t)rows->n_row;
    for (size_t i = 0; i < rows->n_row; i++) {
        v->snapshot_present += rows->row[i]->present;
        cr_assert_eq(rows->name[i]->unit, rows->row[i]->unit);
        cr_assert_eq(rows->name[i]->code[0], 'u');
    }
}

static void witness_answer(struct witness *v, const struct wire_message *m)
{
    const Parbus__Resync *resync = (const Parbus__Resync *)m->message;
    const Parbus__Resumed *resumed = (const Parbus__Resumed *)m->message;
    switch (m->kind) {
    case PARBUS__FROM_SNAPSHOTS__BODY_BEGIN:
        v->begin_seq = ((const Parbus__SnapshotBegin *)m->message)->seq;
        break;
    case PARBUS__FROM_SNAPSHOTS__BODY_ROWS:
        witness_rows(v, (const Parbus__SnapshotRows *)m->message);
        break;
    case PARBUS__FROM_SNAPSHOTS__BODY_END:
        v->end_seq = ((const Parbus__SnapshotEnd *)m->message)->seq;
        break;
    case PARBUS__FROM_SNAPSHOTS__BODY_RESYNC:
        v->topic_unknown = resync->topic_unknown;
        snprintf(v->text, sizeof v->text, "%s", resync->reason);
        break;
    case PARBUS__FROM_SNAPSHOTS__BODY_RESUMED:
        v->resumed_deltas += (unsigned)resumed->n_delta;
        v->more = resumed->more;
        v->end_seq = resumed->seq;
        break;
    }
}

static enum err on_answer(void *ctx, const struct publisher_peer *peer, const void *message, size_t bytes)
{
    struct witness *v = ctx;
    struct wire_message m;
    struct err_text e;
    (void)peer;
    if (v->refuse)
        return v->refuse;
    arena_reset(&v->arena);
    cr_assert_leq(bytes, WIRE_MESSAGE_BYTES_MAX);
    cr_assert_eq(wire_open(&wire_from_snapshots, message, bytes, &v->arena, &m, &e), OK, "%s", e.text);
    if (v->answers < 64)
        v->kind[v->answers] = m.kind;
    v->answers++;
    witness_answer(v, &m);
    return OK;
}

static struct witness *witness_new(uint64_t seed)
{
    struct witness *v = calloc(1, sizeof *v);
    arena_init(&v->arena, 16 << 20);
    world_init(&v->world, seed);
    v->world.ctx = v;
    v->world.publish = on_publish;
    v->world.answer = on_answer;
    return v;
}

static void witness_free(struct witness *v)
{
    world_free(&v->world);
    arena_free(&v->arena);
    free(v);
}

static void ask_snapshot(struct witness *v, const char *topic, uint64_t request)
{
    Parbus__SnapshotRequest m = PARBUS__SNAPSHOT_REQUEST__INIT;
    struct publisher_peer peer = {{1}};
    struct buffer b = {0};
    m.topic = (char *)topic;
    m.has_request = true;
    m.request = request;
    wire_pack(&b, PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT, &m.base);
    world_ask(&v->world, &peer, &b);
    buffer_free(&b);
}

static void ask_resume(struct witness *v, uint64_t epoch, uint64_t seq)
{
    Parbus__ResumeRequest m = PARBUS__RESUME_REQUEST__INIT;
    struct publisher_peer peer = {{1}};
    struct buffer b = {0};
    m.topic = (char *)WORLD_TOPIC;
    m.has_request = m.has_epoch = m.has_seq = true;
    m.request = 3;
    m.epoch = epoch;
    m.seq = seq;
    wire_pack(&b, PARBUS__TO_SNAPSHOTS__BODY_RESUME, &m.base);
    world_ask(&v->world, &peer, &b);
    buffer_free(&b);
}

/* A change of one unit, published. */
static void publish_one(struct witness *v, uint32_t unit, int64_t points)
{
    world_set(&v->world, unit, points, true);
    world_send_scores(&v->world, world_partition(unit));
    v->world.now_us += 50 * WORLD_MS;
    world_tick(&v->world);
}

static void assert_table_is_the_truth(const struct witness *v)
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
        cr_assert_eq(standings_rank(table, i), naive_rank(v->row, WORLD_UNITS, i));
    }
}

/* ---- following the scorers ---- */

enum { HELD_MAX = 32 };
struct held { /* messages under way */
    struct buffer message[HELD_MAX];
    unsigned count;
};

/* The message may get lost, come twice, or come later than others. */
static void disturb(struct witness *v, struct held *h, const struct buffer *message)
{
    for (uint64_t copies = world_random(&v->world, 10); copies; copies = copies == 9 ? 5 : 0)
        if (h->count < HELD_MAX)
            buffer_append(&h->message[h->count++], message->data, message->size);
}

static void deliver_some(struct witness *v, struct held *h, bool all)
{
    while (h->count && (all || world_random(&v->world, 3))) {
        unsigned i = world_random(&v->world, 4) ? 0 : (unsigned)world_random(&v->world, h->count);
        world_deliver(&v->world, &h->message[i]);
        buffer_free(&h->message[i]);
        memmove(&h->message[i], &h->message[i + 1], (--h->count - i) * sizeof *h->message);
        h->message[h->count] = (struct buffer){0};
    }
}

static void disturbed_step(struct witness *v, struct held *h, struct buffer *b)
{
    struct world *w = &v->world;
    world_change(w);
    uint32_t p = (uint32_t)world_random(w, WORLD_PARTITIONS);
    world_scores(w, p, b);
    disturb(v, h, b);
    if (!world_random(w, 5))
        world_commit(w, (uint32_t)world_random(w, WORLD_PARTITIONS));
    if (!world_random(w, 10)) {
        world_committed(w, b);
        disturb(v, h, b);
    }
    deliver_some(v, h, false);
    w->now_us += (int64_t)world_random(w, 30 * WORLD_MS);
    world_tick(w);
}

static void settle(struct witness *v, struct buffer *b)
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
        struct witness *v = witness_new(seed);
        struct held h = {.count = 0};
        struct buffer b = {0};
        for (int i = 0; i < 300; i++)
            disturbed_step(v, &h, &b);
        deliver_some(v, &h, true);
        settle(v, &b);
        assert_table_is_the_truth(v);
        cr_assert_gt(v->deltas, 20);
        cr_assert_gt(v->world.metrics.value[METRIC_partitions_reloaded], 0);
        buffer_free(&b);
        witness_free(v);
    }
}

Test(publisher_core, state_that_lags_behind_never_takes_a_row_back)
{
    struct witness *v = witness_new(1);
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
    assert_table_is_the_truth(v);
    buffer_free(&lost);
    witness_free(v);
}

Test(publisher_core, a_commit_beyond_the_last_message_makes_it_read_state)
{
    struct witness *v = witness_new(1);
    struct buffer b = {0};
    world_set(&v->world, 5, 3 * MICRO, true);
    world_scores(&v->world, 1, &b); /* never arrives */
    settle(v, &b);
    assert_table_is_the_truth(v);
    cr_assert_eq(v->world.metrics.value[METRIC_partitions_reloaded], 1);
    buffer_free(&b);
    witness_free(v);
}

Test(publisher_core, starts_with_what_state_holds)
{
    struct witness *v = witness_new(1);
    world_set(&v->world, 5, 3 * MICRO, true);
    world_commit(&v->world, 1);
    world_restart(&v->world);
    uint64_t seq;
    const struct standings *table = publisher_table(v->world.publisher, 1, &seq);
    cr_assert_eq(seq, 0);
    cr_assert_eq(table->row[4].score, 3 * MICRO);
    cr_assert_eq(v->deltas, 0);
    witness_free(v);
}

Test(publisher_core, counts_units_and_partitions_that_do_not_exist)
{
    struct witness *v = witness_new(1);
    Parbus__UnitScore unit = PARBUS__UNIT_SCORE__INIT, *pointer = &unit;
    Parbus__Scores m = PARBUS__SCORES__INIT;
    struct wire_message message = {.kind = PARBUS__TO_PUBLISHER__BODY_SCORES, .message = &m.base};
    m.pseq = 1, m.n_unit = 1, m.unit = &pointer;
    unit.series = 1, unit.unit = WORLD_UNITS + 1;
    publisher_receive(v->world.publisher, &message, v->world.now_us);
    m.pseq = 2, unit.series = 77;
    publisher_receive(v->world.publisher, &message, v->world.now_us);
    m.partition = WORLD_PARTITIONS;
    publisher_receive(v->world.publisher, &message, v->world.now_us);
    cr_assert_eq(v->world.metrics.value[METRIC_messages_malformed], 3);
    witness_free(v);
}

/* ---- deltas ---- */

Test(publisher_core, a_delta_goes_out_at_once_when_idle_and_merged_under_load)
{
    struct witness *v = witness_new(1);
    struct world *w = &v->world;
    world_set(w, 1, 1 * MICRO, true);
    world_send_scores(w, 1);
    world_tick(w);
    cr_assert_eq(v->deltas, 1);
    for (int i = 0; i < 19; i++) {
        w->now_us += WORLD_MS;
        world_set(w, 1, (2 + i) * MICRO, true);
        world_set(w, 5, (2 + i) * MICRO, true);
        world_send_scores(w, 1);
        cr_assert_leq(world_tick(w), w->now_us + (19 - i) * WORLD_MS);
    }
    cr_assert_eq(v->deltas, 1);
    w->now_us += WORLD_MS;
    world_tick(w);
    cr_assert_eq(v->deltas, 2);
    cr_assert_eq(v->rows, 3);
    witness_free(v);
}

Test(publisher_core, a_changed_cause_alone_is_not_sent)
{
    struct witness *v = witness_new(1);
    publish_one(v, 7, 4 * MICRO);
    publish_one(v, 7, 4 * MICRO);
    cr_assert_eq(v->deltas, 1);
    witness_free(v);
}

Test(publisher_core, a_row_that_comes_back_before_the_delta_is_not_sent)
{
    struct witness *v = witness_new(1);
    publish_one(v, 7, 4 * MICRO);
    world_set(&v->world, 7, 5 * MICRO, true);
    world_send_scores(&v->world, 3);
    world_set(&v->world, 7, 4 * MICRO, true);
    world_send_scores(&v->world, 3);
    v->world.now_us += 50 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->deltas, 1);
    witness_free(v);
}

Test(publisher_core, names_the_submission_that_changed_a_row)
{
    struct witness *v = witness_new(1);
    publish_one(v, 7, 4 * MICRO);
    cr_assert_eq(v->last.cause_feeder, 1);
    cr_assert_eq(v->last.cause_seq, v->world.now[6].cause_seq);
    witness_free(v);
}

Test(publisher_core, a_unit_leaves_the_ranking_and_comes_back)
{
    struct witness *v = witness_new(1);
    publish_one(v, 1, 4 * MICRO);
    publish_one(v, 2, 4 * MICRO);
    world_set(&v->world, 1, 4 * MICRO, false);
    world_send_scores(&v->world, 1);
    v->world.now_us += 50 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->last.rank_before, 1);
    cr_assert_eq(v->last.rank, 0);
    publish_one(v, 1, 4 * MICRO);
    cr_assert_eq(v->last.rank_before, 0);
    cr_assert_eq(v->last.rank, 1);
    witness_free(v);
}

Test(publisher_core, a_heartbeat_comes_on_every_topic_in_its_time)
{
    struct witness *v = witness_new(1);
    for (int i = 0; i < 100; i++) {
        world_tick(&v->world);
        v->world.now_us += 50 * WORLD_MS;
    }
    cr_assert_eq(v->heartbeats, 5);
    witness_free(v);
}

/* ---- snapshots and resumes ---- */

Test(publisher_core, a_snapshot_holds_every_unit_with_or_without_values)
{
    struct witness *v = witness_new(1);
    publish_one(v, 7, 4 * MICRO);
    ask_snapshot(v, WORLD_TOPIC, 9);
    world_tick(&v->world);
    const uint32_t kinds[] = {PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, PARBUS__FROM_SNAPSHOTS__BODY_ROWS,
                              PARBUS__FROM_SNAPSHOTS__BODY_END};
    cr_assert_eq(v->answers, 3);
    cr_assert_arr_eq(v->kind, kinds, sizeof kinds);
    cr_assert_eq(v->snapshot_rows, WORLD_UNITS);
    cr_assert_eq(v->snapshot_present, 1);
    cr_assert_eq(v->begin_seq, 1);
    cr_assert_eq(v->end_seq, 1);
    witness_free(v);
}

Test(publisher_core, a_client_that_reads_slowly_gets_the_rest_later)
{
    struct witness *v = witness_new(1);
    v->refuse = ERR_BUSY;
    ask_snapshot(v, WORLD_TOPIC, 9);
    cr_assert_leq(world_tick(&v->world), v->world.now_us + 10 * WORLD_MS);
    cr_assert_eq(v->answers, 0);
    v->refuse = OK;
    v->world.now_us += 10 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->snapshot_rows, WORLD_UNITS);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_served], 1);
    witness_free(v);
}

Test(publisher_core, a_client_that_never_reads_is_given_up)
{
    struct witness *v = witness_new(1);
    v->refuse = ERR_BUSY;
    ask_snapshot(v, WORLD_TOPIC, 9);
    world_tick(&v->world);
    v->world.now_us += 31000 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1);
    v->refuse = OK;
    world_tick(&v->world);
    cr_assert_eq(v->answers, 0);
    witness_free(v);
}

Test(publisher_core, a_client_that_went_away_is_forgotten)
{
    struct witness *v = witness_new(1);
    v->refuse = ERR_NOT_FOUND;
    ask_snapshot(v, WORLD_TOPIC, 9);
    world_tick(&v->world);
    cr_assert_eq(v->world.metrics.value[METRIC_snapshots_abandoned], 1);
    witness_free(v);
}

Test(publisher_core, asking_again_takes_the_place_of_the_first_question)
{
    struct witness *v = witness_new(1);
    v->refuse = ERR_BUSY;
    for (uint64_t request = 1; request < 5; request++)
        ask_snapshot(v, WORLD_TOPIC, request);
    world_tick(&v->world);
    v->refuse = OK;
    v->world.now_us += 10 * WORLD_MS;
    world_tick(&v->world);
    cr_assert_eq(v->answers, 3);
    witness_free(v);
}

Test(publisher_core, resumes_from_the_ring)
{
    struct witness *v = witness_new(1);
    for (int i = 1; i <= 10; i++)
        publish_one(v, 7, i * MICRO);
    ask_resume(v, v->world.epoch, 4);
    cr_assert_eq(v->resumed_deltas, 6);
    cr_assert_eq(v->end_seq, 10);
    cr_assert_not(v->more);
    ask_resume(v, v->world.epoch, 10);
    cr_assert_eq(v->resumed_deltas, 6);
    witness_free(v);
}

Test(publisher_core, a_position_that_left_the_ring_is_told_to_start_again)
{
    struct witness *v = witness_new(1);
    v->world.settings.feed_ring_deltas = 3;
    world_restart(&v->world);
    for (int i = 1; i <= 10; i++)
        publish_one(v, 7, i * MICRO);
    ask_resume(v, v->world.epoch, 7);
    cr_assert_eq(v->resumed_deltas, 3);
    ask_resume(v, v->world.epoch, 6);
    cr_assert_eq(v->kind[1], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    witness_free(v);
}

Test(publisher_core, the_bytes_of_all_rings_are_bounded)
{
    struct witness *v = witness_new(1);
    v->world.settings.feed_ring_bytes_max = 4096;
    world_restart(&v->world);
    for (int i = 1; i <= 300; i++)
        publish_one(v, 7, i * MICRO);
    ask_resume(v, v->world.epoch, 1);
    cr_assert_eq(v->kind[0], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    ask_resume(v, v->world.epoch, 290);
    cr_assert_eq(v->resumed_deltas, 10);
    witness_free(v);
}

Test(publisher_core, another_epoch_or_a_position_ahead_is_told_to_start_again)
{
    struct witness *v = witness_new(1);
    ask_resume(v, v->world.epoch + 1, 0);
    ask_resume(v, v->world.epoch, 1);
    cr_assert_eq(v->answers, 2);
    cr_assert_eq(v->kind[0], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    cr_assert_eq(v->kind[1], PARBUS__FROM_SNAPSHOTS__BODY_RESYNC);
    cr_assert_not(v->topic_unknown);
    witness_free(v);
}

Test(publisher_core, an_unknown_topic_is_named_as_such_without_reading_the_journal_each_time)
{
    struct witness *v = witness_new(1);
    static const char *const topics[] = {"little/1999", "", "/", "no-such/2025", "little"};
    for (int i = 0; i < 5; i++)
        ask_snapshot(v, topics[i], 1);
    cr_assert_eq(v->answers, 5);
    cr_assert(v->topic_unknown);
    cr_assert_eq(v->world.catch_ups, 1);
    witness_free(v);
}

Test(publisher_core, a_period_opened_a_moment_ago_is_found)
{
    struct witness *v = witness_new(1);
    v->world.late_period = "2026";
    ask_snapshot(v, "little/2026", 1);
    world_tick(&v->world);
    cr_assert_eq(v->snapshot_rows, WORLD_UNITS);
    cr_assert_eq(publisher_topics(v->world.publisher), 2);
    witness_free(v);
}

/* ---- size ---- */

static void on_sized_publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    struct witness *v = ctx;
    struct wire_message m;
    struct err_text e;
    (void)topic;
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

static void no_catch_up(void *ctx) { (void)ctx; }
static void no_reload(void *ctx, struct publisher *p, uint32_t partition) { (void)ctx, (void)p, (void)partition; }

Test(publisher_core, many_changes_and_large_tables_are_cut_to_the_size_of_a_message)
{
    enum { UNITS = 20000, TOPS = 6 };
    struct witness *v = calloc(1, sizeof *v);
    arena_init(&v->arena, 64 << 20);
    v->world.catalog = little_catalog_new(UNITS, TOPS);
    little_catalog_open(v->world.catalog, "2025");
    v->world.settings.feed_ring_bytes_max = 64 << 20;
    v->world.settings.feed_ring_deltas = 1000;
    struct publisher_options o = {.settings = &v->world.settings,
                                  .catalog = v->world.catalog,
                                  .metrics = &v->world.metrics,
                                  .epoch = 1,
                                  .partitions = 1,
                                  .io = {v, on_sized_publish, on_answer, no_reload, no_catch_up}};
    v->world.publisher = publisher_new(&o);
    publisher_start(v->world.publisher, 0);
    for (uint32_t unit = UNITS; unit >= 1; unit--) {
        int64_t points[TOPS + 1] = {(int64_t)(UNITS - unit) * MICRO, INT64_MAX, INT64_MIN};
        struct publisher_score score = {.series = 1,
                                        .unit = unit,
                                        .present = true,
                                        .complete = true,
                                        .points = points,
                                        .node_count = TOPS + 1,
                                        .cause_epoch = UINT64_MAX};
        publisher_load(v->world.publisher, &score, 1);
    }
    publisher_tick(v->world.publisher, 0);
    cr_assert_eq(v->rows, UNITS);
    cr_assert_gt(v->deltas, 1);
    ask_snapshot(v, WORLD_TOPIC, 1);
    publisher_tick(v->world.publisher, 1);
    cr_assert_eq(v->snapshot_rows, UNITS);
    ask_resume(v, 1, 0);
    cr_assert_eq(v->resumed_deltas, v->deltas);
    cr_assert_gt(v->answers, 6);
    cr_assert_not(v->more);
    witness_free(v);
}
