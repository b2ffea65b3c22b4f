#include "witness.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

uint32_t witness_rank(const struct model_row *row, size_t count, size_t i)
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
        cr_assert_eq(r->rank_before, witness_rank(v->row, WORLD_UNITS, r->unit - 1));
    }
    for (size_t i = 0; i < d->n_row; i++)
        v->row[d->row[i]->unit - 1] = (struct model_row){d->row[i]->present, d->row[i]->complete, d->row[i]->score};
    for (size_t i = 0; i < d->n_row; i++)
        cr_assert_eq(d->row[i]->rank, witness_rank(v->row, WORLD_UNITS, d->row[i]->unit - 1));
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
    if (strcmp(topic, WORLD_TOPIC) != 0)
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
        v->not_authorised = resync->not_authorised;
        snprintf(v->text, sizeof v->text, "%s", resync->reason);
        break;
    case PARBUS__FROM_SNAPSHOTS__BODY_TOPICS:
        v->topics = ((const Parbus__Topics *)m->message)->n_topic;
        break;
    case PARBUS__FROM_SNAPSHOTS__BODY_RESUMED:
        v->resumed_deltas += (unsigned)resumed->n_delta;
        v->more = resumed->more;
        v->end_seq = resumed->seq;
        break;
    }
}

enum err witness_on_answer(void *ctx, uint64_t peer, const void *message, size_t bytes)
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

struct witness *witness_new(uint64_t seed)
{
    struct witness *v = calloc(1, sizeof *v);
    arena_init(&v->arena, 16 << 20);
    world_init(&v->world, seed);
    v->world.ctx = v;
    v->world.publish = on_publish;
    v->world.answer = witness_on_answer;
    return v;
}

void witness_free(struct witness *v)
{
    world_free(&v->world);
    arena_free(&v->arena);
    free(v);
}

void witness_ask_snapshot(struct witness *v, const char *topic, uint64_t request)
{
    Parbus__SnapshotRequest m = PARBUS__SNAPSHOT_REQUEST__INIT;
    struct buffer b = {0};
    m.topic = (char *)topic;
    m.has_request = true;
    m.request = request;
    wire_pack(&b, PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT, &m.base);
    world_ask(&v->world, 1, &b);
    buffer_free(&b);
}

void witness_ask_topics(struct witness *v, uint64_t request)
{
    Parbus__TopicsRequest m = PARBUS__TOPICS_REQUEST__INIT;
    struct buffer b = {0};
    m.has_request = true;
    m.request = request;
    wire_pack(&b, PARBUS__TO_SNAPSHOTS__BODY_TOPICS, &m.base);
    world_ask(&v->world, 1, &b);
    buffer_free(&b);
}

void witness_ask_resume(struct witness *v, uint64_t epoch, uint64_t seq)
{
    Parbus__ResumeRequest m = PARBUS__RESUME_REQUEST__INIT;
    struct buffer b = {0};
    m.topic = (char *)WORLD_TOPIC;
    m.has_request = m.has_epoch = m.has_seq = true;
    m.request = 3;
    m.epoch = epoch;
    m.seq = seq;
    wire_pack(&b, PARBUS__TO_SNAPSHOTS__BODY_RESUME, &m.base);
    world_ask(&v->world, 1, &b);
    buffer_free(&b);
}

void witness_publish_one(struct witness *v, uint32_t unit, int64_t points)
{
    world_set(&v->world, unit, points, true);
    world_send_scores(&v->world, world_partition(unit));
    v->world.now_us += 50 * WORLD_MS;
    world_tick(&v->world);
}
