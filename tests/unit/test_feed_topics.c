/* Many topics over one connection, against a publisher of the tests' own, written after PROTOCOL.md: topic N is "t/N",
 * and its units all have the score N * 1000 + seq. */
#include "client/feed_topics.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS = 1000, QUEUE_MAX = 64, KEPT = 4, STEP_US = 20000, HEARTBEAT_STEPS = 50, EPOCH = 7 };

struct publisher {
    struct feed_topics *topics;
    struct parbus_topic *topic[TOPICS + 1];
    struct moment now;
    uint64_t seq[TOPICS + 1];
    unsigned units, known; /* topics from `known` on are not known */
    struct buffer question[QUEUE_MAX];
    unsigned count, count_max; /* questions that wait */
    bool subscribed[TOPICS + 1], lossy;
    unsigned lost, unknown, troubles, snapshots;
    struct arena arena;
};

static unsigned number_of(const char *topic) { return (unsigned)strtoul(strchr(topic, '/') + 1, NULL, 10); }

static bool is_lost(struct publisher *p)
{
    bool lost = p->lossy && rand() % 5 == 0;
    p->lost += lost;
    return lost;
}

static void on_send(void *ctx, const void *data, size_t bytes, struct moment now)
{
    struct publisher *p = ctx;
    (void)now;
    if (is_lost(p))
        return;
    cr_assert_lt(p->count, QUEUE_MAX, "more questions than a client may have without an answer");
    buffer_append(&p->question[p->count++], data, bytes);
    p->count_max = p->count > p->count_max ? p->count : p->count_max;
}

static void on_subscribe(void *ctx, const char *topic, bool wanted)
{
    ((struct publisher *)ctx)->subscribed[number_of(topic)] = wanted;
}

static void on_unknown(void *ctx, const struct parbus_topic *t) { (void)t, ((struct publisher *)ctx)->unknown++; }
static void on_snapshot(void *ctx, const struct parbus_topic *t) { (void)t, ((struct publisher *)ctx)->snapshots++; }

static void on_trouble(void *ctx, const struct parbus_topic *t, const char *text)
{
    (void)t, (void)text;
    ((struct publisher *)ctx)->troubles++;
}

static struct publisher *publisher_new(uint32_t topics_max, size_t bytes_max)
{
    struct publisher *p = calloc(1, sizeof *p);
    cr_assert(p);
    srand(1);
    arena_init(&p->arena, WIRE_ARENA_BYTES);
    p->units = 1;
    p->known = TOPICS + 1;
    p->now.mono_us = 1000000;
    p->topics = feed_topics_new(topics_max, bytes_max, &(struct feed_topics_io){p, on_send, on_subscribe});
    return p;
}

static void publisher_free(struct publisher *p)
{
    feed_topics_destroy(&p->topics);
    for (unsigned i = 0; i < QUEUE_MAX; i++)
        buffer_free(&p->question[i]);
    arena_free(&p->arena);
    free(p);
}

static enum err follow(struct publisher *p, unsigned number, struct err_text *e)
{
    char name[32];
    struct parbus_topic_events events = {
        .ctx = p, .snapshot = on_snapshot, .unknown = on_unknown, .trouble = on_trouble};
    snprintf(name, sizeof name, "t/%u", number);
    return feed_topics_follow(p->topics, name, &events, &p->topic[number], p->now, e);
}

static void follow_all(struct publisher *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(follow(p, i, NULL), OK);
}

/* ---- what it says ---- */

static const struct wire_message *opened(struct publisher *p, const struct wire_channel *channel, struct buffer *b,
                                         uint32_t kind, const ProtobufCMessage *m)
{
    static struct wire_message out;
    buffer_clear(b);
    wire_pack(b, kind, m);
    arena_reset(&p->arena);
    cr_assert_eq(wire_open(channel, b->data, b->size, &p->arena, &out, NULL), OK);
    return &out;
}

static void answer(struct publisher *p, uint32_t kind, const ProtobufCMessage *m)
{
    struct buffer b = {0};
    if (!is_lost(p))
        feed_topics_answer(p->topics, opened(p, &wire_from_snapshots, &b, kind, m), p->now);
    buffer_free(&b);
}

static void row_init(Parbus__Row *row, unsigned number, uint32_t unit, uint64_t seq)
{
    parbus__row__init(row);
    row->has_unit = row->has_present = row->has_complete = row->has_score = true;
    row->unit = unit;
    row->present = row->complete = true;
    row->score = (int64_t)(number * 1000 + seq);
}

static void say_rows(struct publisher *p, uint64_t request, unsigned number)
{
    Parbus__SnapshotRows m = PARBUS__SNAPSHOT_ROWS__INIT;
    Parbus__Row *row = calloc(p->units, sizeof *row), **rows = calloc(p->units, sizeof *rows);
    Parbus__UnitName *name = calloc(p->units, sizeof *name), **names = calloc(p->units, sizeof *names);
    for (unsigned i = 0; i < p->units; i++) {
        row_init(rows[i] = &row[i], number, i + 1, p->seq[number]);
        parbus__unit_name__init(names[i] = &name[i]);
        name[i].has_unit = true;
        name[i].unit = i + 1;
    }
    m.has_request = m.has_epoch = m.has_seq = true;
    m.request = request, m.epoch = EPOCH, m.seq = p->seq[number];
    m.n_row = m.n_name = p->units, m.row = rows, m.name = names;
    answer(p, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, &m.base);
    free(row), free(rows), free(name), free(names);
}

static void say_snapshot(struct publisher *p, uint64_t request, unsigned number)
{
    Parbus__SnapshotBegin begin = PARBUS__SNAPSHOT_BEGIN__INIT;
    Parbus__SnapshotEnd end = PARBUS__SNAPSHOT_END__INIT;
    begin.has_request = begin.has_epoch = begin.has_seq = begin.has_rows = true;
    begin.request = request, begin.epoch = EPOCH, begin.seq = p->seq[number], begin.rows = p->units;
    end.has_request = end.has_seq = end.has_rows = true;
    end.request = request, end.seq = p->seq[number], end.rows = p->units;
    answer(p, PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, &begin.base);
    say_rows(p, request, number);
    answer(p, PARBUS__FROM_SNAPSHOTS__BODY_END, &end.base);
}

static void delta_init(Parbus__Delta *delta, Parbus__Row *row, unsigned number, uint64_t seq)
{
    parbus__delta__init(delta);
    row_init(row, number, 1, seq);
    delta->has_epoch = delta->has_seq = delta->has_prev_seq = true;
    delta->epoch = EPOCH, delta->seq = seq, delta->prev_seq = seq - 1;
    delta->n_row = 1;
}

static void say_resync(struct publisher *p, uint64_t request, bool unknown)
{
    Parbus__Resync m = PARBUS__RESYNC__INIT;
    m.has_request = m.has_topic_unknown = true;
    m.request = request, m.topic_unknown = unknown;
    answer(p, PARBUS__FROM_SNAPSHOTS__BODY_RESYNC, &m.base);
}

static void say_resumed(struct publisher *p, uint64_t request, unsigned number, uint64_t from)
{
    Parbus__Resumed m = PARBUS__RESUMED__INIT;
    Parbus__Delta delta[KEPT], *deltas[KEPT];
    Parbus__Row row[KEPT], *rows[KEPT];
    if (p->seq[number] - from > KEPT) {
        say_resync(p, request, false);
        return;
    }
    for (; from + m.n_delta < p->seq[number]; m.n_delta++) {
        size_t i = m.n_delta;
        delta_init(deltas[i] = &delta[i], rows[i] = &row[i], number, from + i + 1);
        delta[i].row = &rows[i];
    }
    m.has_request = m.has_seq = true;
    m.request = request, m.seq = p->seq[number], m.delta = deltas;
    answer(p, PARBUS__FROM_SNAPSHOTS__BODY_RESUMED, &m.base);
}

static void serve_one(struct publisher *p, struct buffer *question)
{
    struct wire_message m;
    struct arena arena;
    arena_init(&arena, WIRE_ARENA_BYTES);
    cr_assert_eq(wire_open(&wire_to_snapshots, question->data, question->size, &arena, &m, NULL), OK);
    const Parbus__SnapshotRequest *s = (const Parbus__SnapshotRequest *)m.message;
    const Parbus__ResumeRequest *r = (const Parbus__ResumeRequest *)m.message;
    bool snapshot = m.kind == PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT;
    unsigned number = number_of(snapshot ? s->topic : r->topic);
    if (number >= p->known)
        say_resync(p, snapshot ? s->request : r->request, true);
    else if (snapshot)
        say_snapshot(p, s->request, number);
    else
        say_resumed(p, r->request, number, r->seq);
    arena_free(&arena);
    buffer_clear(question);
}

static void serve(struct publisher *p)
{
    for (unsigned i = 0; i < p->count; i++)
        serve_one(p, &p->question[i]);
    p->count = 0;
}

static void say_event(struct publisher *p, unsigned number, uint32_t kind, const ProtobufCMessage *m)
{
    char name[32];
    struct buffer b = {0};
    snprintf(name, sizeof name, "t/%u", number);
    if (p->subscribed[number] && !is_lost(p))
        feed_topics_event(p->topics, name, opened(p, &wire_feed_event, &b, kind, m), p->now);
    buffer_free(&b);
}

static void change(struct publisher *p, unsigned number)
{
    Parbus__Delta delta;
    Parbus__Row row, *rows[] = {&row};
    delta_init(&delta, &row, number, ++p->seq[number]);
    delta.row = rows;
    say_event(p, number, PARBUS__FEED_EVENT__BODY_DELTA, &delta.base);
}

static void beat(struct publisher *p, unsigned number)
{
    Parbus__FeedHeartbeat m = PARBUS__FEED_HEARTBEAT__INIT;
    m.has_epoch = m.has_seq = true;
    m.epoch = EPOCH, m.seq = p->seq[number];
    say_event(p, number, PARBUS__FEED_EVENT__BODY_HEARTBEAT, &m.base);
}

static void run(struct publisher *p, unsigned steps)
{
    for (unsigned i = 1; i <= steps; i++) {
        p->now.mono_us += STEP_US;
        feed_topics_tick(p->topics, p->now);
        serve(p);
        for (unsigned k = 0; i % HEARTBEAT_STEPS == 0 && k < p->known && k <= TOPICS; k++)
            beat(p, k);
    }
}

/* ---- what the client holds ---- */

static int64_t score_of(const struct publisher *p, unsigned number)
{
    struct parbus_row row;
    cr_assert(parbus_topic_ready(p->topic[number]), "t/%u is not ready", number);
    cr_assert(parbus_topic_row(p->topic[number], 1, &row));
    return row.score;
}

static void assert_exact(const struct publisher *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(score_of(p, i), (int64_t)(i * 1000 + p->seq[i]), "t/%u", i);
}

static unsigned count_in(const struct publisher *p, unsigned count, enum parbus_topic_state state)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++)
        found += p->topic[i] && parbus_topic_state(p->topic[i]) == state;
    return found;
}

Test(feed_topics, a_thousand_topics_each_hold_their_own_table_and_few_questions_are_open_at_a_time)
{
    struct publisher *p = publisher_new(TOPICS, 0);
    follow_all(p, TOPICS);
    run(p, 2 * TOPICS / FEED_QUESTIONS_MAX);
    assert_exact(p, TOPICS);
    cr_assert_eq(p->count_max, FEED_QUESTIONS_MAX);
    cr_assert_eq(p->snapshots, TOPICS);
    publisher_free(p);
}

Test(feed_topics, one_more_than_topics_max_is_refused_with_the_reason_until_one_is_left)
{
    struct err_text e;
    struct publisher *p = publisher_new(TOPICS, 0);
    follow_all(p, TOPICS);
    cr_assert_eq(follow(p, TOPICS, &e), ERR_FULL);
    cr_assert_str_eq(e.text, "1000 topics are followed already; topics_max allows no more");
    cr_assert_null(p->topic[TOPICS]);
    parbus_topic_leave(&p->topic[17]);
    cr_assert_null(p->topic[17]);
    cr_assert_not(p->subscribed[17]);
    cr_assert_eq(follow(p, TOPICS, &e), OK);
    run(p, 2 * TOPICS / FEED_QUESTIONS_MAX);
    cr_assert_eq(score_of(p, TOPICS), TOPICS * 1000);
    publisher_free(p);
}

Test(feed_topics, a_name_that_cannot_be_or_is_there_already_is_refused)
{
    struct err_text e;
    struct parbus_topic *t;
    char name[300];
    struct publisher *p = publisher_new(2, 0);
    follow_all(p, 1);
    cr_assert_eq(feed_topics_follow(p->topics, "t/0", NULL, &t, p->now, &e), ERR_INVALID);
    cr_assert_str_eq(e.text, "t/0 is followed already");
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = 0;
    cr_assert_eq(feed_topics_follow(p->topics, name, NULL, &t, p->now, &e), ERR_TOO_LARGE);
    cr_assert_null(t);
    publisher_free(p);
}

Test(feed_topics, a_loss_is_resumed_by_its_own_topic_only)
{
    struct publisher *p = publisher_new(0, 0);
    follow_all(p, 10);
    run(p, 5);
    p->seq[3] += 2; /* deltas that nobody saw */
    run(p, 2 * HEARTBEAT_STEPS);
    assert_exact(p, 10);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(parbus_topic_counts(p->topic[i]).resumes, i == 3, "t/%u", i);
    p->seq[4] += KEPT + 1; /* … too many to be kept */
    run(p, 2 * HEARTBEAT_STEPS);
    assert_exact(p, 10);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(parbus_topic_counts(p->topic[i]).snapshots, i == 4 ? 2 : 1, "t/%u", i);
    publisher_free(p);
}

Test(feed_topics, an_unknown_topic_is_told_once_by_itself_and_found_when_it_comes)
{
    struct publisher *p = publisher_new(0, 0);
    p->known = 5;
    follow_all(p, 7);
    run(p, 4 * HEARTBEAT_STEPS);
    cr_assert_eq(p->unknown, 2);
    cr_assert_eq(count_in(p, 7, PARBUS_TOPIC_READY), 5);
    cr_assert_eq(parbus_topic_state(p->topic[6]), PARBUS_TOPIC_UNKNOWN);
    p->known = 7;
    run(p, 2 * HEARTBEAT_STEPS);
    assert_exact(p, 7);
    publisher_free(p);
}

Test(feed_topics, silence_of_a_topic_is_seen_in_its_state_and_over_when_it_is_heard)
{
    struct publisher *p = publisher_new(0, 0);
    follow_all(p, 3);
    run(p, 5);
    p->known = 0; /* no heartbeats, … */
    for (int i = 0; i < 200; i++) {
        p->now.mono_us += STEP_US;
        feed_topics_tick(p->topics, p->now);
        p->count = 0; /* … no answers */
    }
    cr_assert_eq(count_in(p, 3, PARBUS_TOPIC_SILENT), 3);
    cr_assert_eq(p->troubles, 3);
    for (unsigned i = 0; i < QUEUE_MAX; i++)
        buffer_clear(&p->question[i]);
    p->known = TOPICS + 1;
    run(p, 2 * HEARTBEAT_STEPS);
    cr_assert_eq(count_in(p, 3, PARBUS_TOPIC_READY), 3);
    publisher_free(p);
}

Test(feed_topics, all_tables_are_exact_in_the_end_whatever_gets_lost, .timeout = 60)
{
    struct publisher *p = publisher_new(0, 0);
    follow_all(p, 100);
    p->lossy = true;
    for (int i = 0; i < 500; i++) {
        change(p, (unsigned)rand() % 100);
        run(p, 1);
    }
    p->lossy = false;
    run(p, 300);
    assert_exact(p, 100);
    cr_assert_gt(p->lost, 100);
    publisher_free(p);
}

Test(feed_topics, tables_beyond_memory_bytes_max_are_told_and_taken_when_others_go)
{
    enum { COUNT = 20, BYTES = 1 << 20 };
    struct publisher *p = publisher_new(0, BYTES);
    p->units = 1000;
    follow_all(p, COUNT);
    run(p, 100);
    unsigned ready = count_in(p, COUNT, PARBUS_TOPIC_READY);
    cr_assert_gt(ready, 1);
    cr_assert_lt(ready, COUNT - 1);
    cr_assert_eq(count_in(p, COUNT, PARBUS_TOPIC_NO_ROOM), COUNT - ready);
    cr_assert_eq(p->troubles, COUNT - ready);
    cr_assert_leq(feed_topics_bytes(p->topics), BYTES);
    for (unsigned i = 0, gone = 0; gone < COUNT - ready && i < COUNT; i++)
        if (parbus_topic_state(p->topic[i]) == PARBUS_TOPIC_READY && ++gone)
            parbus_topic_leave(&p->topic[i]);
    run(p, 2 * FEED_NO_ROOM_US / STEP_US);
    cr_assert_gt(count_in(p, COUNT, PARBUS_TOPIC_READY), 0);
    cr_assert_leq(feed_topics_bytes(p->topics), BYTES);
    publisher_free(p);
}

static void leave_and_come_again(void *ctx, const struct parbus_topic *t)
{
    struct publisher *p = ctx;
    (void)t;
    parbus_topic_leave(&p->topic[1]);
    cr_assert_eq(follow(p, 1, NULL), OK);
    cr_assert_eq(follow(p, 2, NULL), OK);
}

Test(feed_topics, an_event_may_leave_its_own_topic_and_follow_others)
{
    struct publisher *p = publisher_new(0, 0);
    struct parbus_topic_events events = {.ctx = p, .snapshot = leave_and_come_again};
    cr_assert_eq(feed_topics_follow(p->topics, "t/1", &events, &p->topic[1], p->now, NULL), OK);
    run(p, 10);
    change(p, 1);
    cr_assert_eq(score_of(p, 1), 1001);
    cr_assert_eq(score_of(p, 2), 2000);
    cr_assert_eq(p->snapshots, 2);
    cr_assert(p->subscribed[1]);
    publisher_free(p);
}
