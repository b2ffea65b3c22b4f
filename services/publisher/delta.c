#include "services/publisher/pace.h"
#include "services/publisher/pack.h"
#include "services/publisher/topic.h"
#include <stdlib.h>

/* The changes of one delta: which rows, where their new values are, and the message made of them. */
struct change {
    uint32_t row, slot;
};
struct changes {
    struct change *change;
    Parbus__Row *row;
    Parbus__Row **pointer;
    size_t count;
};

static int by_row(const void *a, const void *b)
{
    uint32_t x = ((const struct change *)a)->row, y = ((const struct change *)b)->row;
    return (x > y) - (x < y);
}

/* Rows that went away and came back in between are no change. */
static size_t collect(struct change *out, const struct topic *t)
{
    const struct pending *p = &t->pending;
    size_t top_count = t->series->definition->top_count, count = 0;
    for (size_t i = 0; i < p->count; i++)
        if (!standing_same(&t->table->row[p->slot[i].row], &p->slot[i].value, top_count))
            out[count++] = (struct change){.row = p->slot[i].row, .slot = (uint32_t)i};
    qsort(out, count, sizeof *out, by_row);
    return count;
}

/* Ranks before are those of the table before the whole delta, ranks after those after the whole of it (F6). */
static void apply(struct topic *t, const struct changes *c)
{
    size_t top_count = t->series->definition->top_count;
    for (size_t i = 0; i < c->count; i++) {
        const struct standing *before = &t->table->row[c->change[i].row];
        c->row[i].rank_before = standings_rank(t->table, c->change[i].row);
        c->row[i].score_before = before->score;
        c->row[i].present_before = before->present;
    }
    for (size_t i = 0; i < c->count; i++)
        standings_put(t->table, c->change[i].row, &t->pending.slot[c->change[i].slot].value);
    for (size_t i = 0; i < c->count; i++) {
        Parbus__Row before = c->row[i];
        topic_row(&c->row[i], &t->table->row[c->change[i].row], top_count, standings_rank(t->table, c->change[i].row));
        c->row[i].has_rank_before = c->row[i].has_score_before = c->row[i].has_present_before = true;
        c->row[i].rank_before = before.rank_before;
        c->row[i].score_before = before.score_before;
        c->row[i].present_before = before.present_before;
        c->pointer[i] = &c->row[i];
    }
}

static void send_delta(struct topic *t, const struct topic_feed *f, const struct changes *c)
{
    Parbus__Delta delta = PARBUS__DELTA__INIT;
    delta.has_epoch = delta.has_seq = delta.has_prev_seq = true;
    delta.epoch = f->epoch;
    delta.prev_seq = t->seq;
    delta.seq = ++t->seq;
    delta.n_row = c->count;
    delta.row = c->pointer;
    struct ring_delta *kept =
        ring_add(f->ring, &t->ring, delta.prev_seq, delta.seq, parbus__delta__get_packed_size(&delta));
    parbus__delta__pack(&delta, kept->packed);
    buffer_clear(f->scratch);
    pack_field(f->scratch, PARBUS__FEED_EVENT__BODY_DELTA, kept->packed, kept->bytes);
    f->io->publish(f->io->ctx, t->name, f->scratch->data, f->scratch->size);
    metric_add(f->metrics, deltas_published, 1);
    metric_add(f->metrics, delta_rows_published, c->count);
    *f->work_us += PACE_DELTA_US + PACE_ROW_US * c->count;
}

void topic_publish(struct topic *t, const struct topic_feed *f, int64_t now_us)
{
    ASSERT(t->state == TOPIC_PENDING);
    size_t most = topic_rows_per_message(t);
    struct change *all = malloc(t->pending.count * sizeof *all);
    ASSERT(all || !t->pending.count);
    size_t count = collect(all, t), part = count < most ? count : most;
    Parbus__Row *row = calloc(part + 1, sizeof *row);
    Parbus__Row **pointer = calloc(part + 1, sizeof *pointer);
    ASSERT(row && pointer);
    for (size_t from = 0; from < count; from += most) {
        struct changes c = {all + from, row, pointer, count - from < most ? count - from : most};
        apply(t, &c);
        send_delta(t, f, &c);
    }
    free(pointer);
    free(row);
    free(all);
    topic_pending_clear(t);
    if (count)
        t->published_us = now_us;
}
