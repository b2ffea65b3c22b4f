/* What a feed table does with single messages, good and bad ones. */
#include "client/feed_table.h"
#include <criterion/criterion.h>

static void answer(struct feed_table *t, uint32_t kind, const ProtobufCMessage *message, int64_t now_us)
{
    struct buffer b = {0};
    struct arena arena;
    struct wire_message m;
    struct err_text e;
    arena_init(&arena, 1 << 20);
    wire_pack(&b, kind, message);
    cr_assert_eq(wire_open(&wire_from_snapshots, b.data, b.size, &arena, &m, &e), OK, "%s", e.text);
    feed_table_answer(t, &m, now_us);
    arena_free(&arena);
    buffer_free(&b);
}

struct parts {
    Parbus__SnapshotBegin begin;
    Parbus__Row row;
    Parbus__Row *rows[1];
    Parbus__UnitName name;
    Parbus__UnitName *names[1];
    Parbus__SnapshotRows part;
    Parbus__SnapshotEnd end;
};

/* A snapshot of one unit without components, answering question 1. */
static void parts_init(struct parts *p)
{
    *p = (struct parts){PARBUS__SNAPSHOT_BEGIN__INIT, PARBUS__ROW__INIT, {&p->row},
                        PARBUS__UNIT_NAME__INIT,      {&p->name},        PARBUS__SNAPSHOT_ROWS__INIT,
                        PARBUS__SNAPSHOT_END__INIT};
    p->begin.has_request = p->begin.has_epoch = p->begin.has_seq = p->begin.has_rows = true;
    p->begin.request = 1, p->begin.epoch = 7, p->begin.seq = 40, p->begin.rows = 1;
    p->row.has_unit = p->name.has_unit = true;
    p->row.unit = p->name.unit = 3;
    p->part.has_request = p->part.has_epoch = p->part.has_seq = true;
    p->part.request = 1, p->part.epoch = 7, p->part.seq = 40;
    p->part.n_row = p->part.n_name = 1, p->part.row = p->rows, p->part.name = p->names;
    p->end.has_request = p->end.has_seq = p->end.has_rows = true;
    p->end.request = 1, p->end.seq = 40, p->end.rows = 1;
}

static struct feed_table *asked_table(struct parts *p)
{
    struct feed_table *t = feed_table_new("little/2025", NULL, 0);
    struct buffer out = {0};
    cr_assert(feed_table_tick(t, 0, &out));
    buffer_free(&out);
    parts_init(p);
    return t;
}

static void answer_all(struct feed_table *t, const struct parts *p)
{
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, &p->begin.base, 1);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, &p->part.base, 1);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_END, &p->end.base, 1);
}

Test(feed_messages, takes_a_whole_snapshot)
{
    struct parts p;
    struct feed_table *t = asked_table(&p);
    answer_all(t, &p);
    cr_assert(feed_table_ready(t));
    feed_table_destroy(&t);
}

Test(feed_messages, parts_that_come_twice_or_late_do_no_harm)
{
    struct parts p;
    struct feed_table *t = asked_table(&p);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, &p.begin.base, 1);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, &p.begin.base, 1);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_END, &p.end.base, 1);
    cr_assert_not(feed_table_ready(t));
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, &p.part.base, 1);
    cr_assert(feed_table_ready(t));
    feed_table_destroy(&t);

    t = asked_table(&p);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_BEGIN, &p.begin.base, 1);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, &p.part.base, 1);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, &p.part.base, 1);
    answer(t, PARBUS__FROM_SNAPSHOTS__BODY_END, &p.end.base, 1);
    cr_assert(feed_table_ready(t));
    feed_table_destroy(&t);
}

static void kept_delta(struct feed_table *t, uint64_t epoch)
{
    Parbus__Delta d = PARBUS__DELTA__INIT;
    struct buffer b = {0};
    struct arena arena;
    struct wire_message m;
    d.has_epoch = d.has_prev_seq = d.has_seq = true;
    d.epoch = epoch, d.prev_seq = 40, d.seq = 41;
    wire_pack(&b, PARBUS__FEED_EVENT__BODY_DELTA, &d.base);
    arena_init(&arena, 1 << 20);
    cr_assert_eq(wire_open(&wire_feed_event, b.data, b.size, &arena, &m, NULL), OK);
    feed_table_event(t, &m, 1);
    arena_free(&arena);
    buffer_free(&b);
}

Test(feed_messages, a_delta_that_came_before_the_snapshot_counts_when_it_is_of_the_same_epoch)
{
    for (uint64_t epoch = 7; epoch <= 8; epoch++) {
        struct parts p;
        uint64_t here, seq;
        struct feed_table *t = asked_table(&p);
        kept_delta(t, epoch);
        answer_all(t, &p);
        feed_table_position(t, &here, &seq);
        cr_assert_eq(seq, epoch == 7 ? 41 : 40);
        feed_table_destroy(&t);
    }
}

Test(feed_messages, a_snapshot_that_is_not_whole_is_not_taken_and_asked_for_again)
{
    for (int fault = 0; fault < 8; fault++) {
        struct parts p;
        struct buffer out = {0};
        struct feed_table *t = asked_table(&p);
        p.begin.rows = fault == 0 ? 2 : 1;
        p.end.rows = fault == 1 ? 2 : 1;
        p.end.seq = fault == 2 ? 41 : 40;
        p.end.request = fault == 3 ? 2 : 1;
        p.part.seq = fault == 4 ? 41 : 40;
        p.part.epoch = fault == 5 ? 8 : 7;
        p.part.request = fault == 6 ? 0 : 1;
        p.begin.request = fault == 7 ? 5 : 1;
        answer_all(t, &p);
        cr_assert_not(feed_table_ready(t), "fault %d", fault);
        cr_assert(feed_table_tick(t, FEED_ANSWER_US + 2, &out), "fault %d", fault);
        buffer_free(&out);
        feed_table_destroy(&t);
    }
}

Test(feed_messages, rows_that_do_not_fit_the_header_are_not_taken)
{
    for (int fault = 0; fault < 2; fault++) {
        struct parts p;
        struct feed_table *t = asked_table(&p);
        int64_t component = 1;
        p.row.n_component = fault == 0, p.row.component = &component;
        p.name.unit = fault == 1 ? 4 : 3;
        answer_all(t, &p);
        cr_assert_not(feed_table_ready(t), "fault %d", fault);
        feed_table_destroy(&t);
    }
}

Test(feed_messages, a_delta_for_a_unit_that_the_table_has_not_makes_it_ask_for_a_snapshot)
{
    struct parts p;
    struct feed_table *t = asked_table(&p);
    answer_all(t, &p);
    Parbus__Delta d = PARBUS__DELTA__INIT;
    d.epoch = 7, d.prev_seq = 40, d.seq = 41, d.n_row = 1, d.row = p.rows;
    p.row.unit = 99;
    struct wire_message m = {.kind = PARBUS__FEED_EVENT__BODY_DELTA, .message = &d.base};
    feed_table_event(t, &m, 2);
    uint64_t epoch, seq;
    feed_table_position(t, &epoch, &seq);
    cr_assert_eq(seq, 40);
    struct buffer out = {0};
    cr_assert(feed_table_tick(t, FEED_REQUEST_LEAST_US, &out));
    cr_assert_eq(out.data[0], PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT << 3 | 2);
    buffer_free(&out);
    feed_table_destroy(&t);
}
