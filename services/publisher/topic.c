#include "services/publisher/topic.h"
#include <stdio.h>
#include <stdlib.h>

STATE_MACHINE(topic_machine, "topic", TOPIC_EDGES, "quiet", "pending");

static void *zeroed(size_t count, size_t bytes)
{
    void *p = calloc(count ? count : 1, bytes);
    ASSERT(p);
    return p;
}

static void *resized(void *old, size_t count, size_t bytes)
{
    void *p = reallocarray(old, count ? count : 1, bytes);
    ASSERT(p);
    return p;
}

struct topic *topic_new(const struct series *s)
{
    struct topic *t = zeroed(1, sizeof *t);
    t->series = s;
    t->table = standings_new(s->definition);
    t->pseq = zeroed(t->table->count, sizeof *t->pseq);
    t->pending.slot_of_row = zeroed(t->table->count, sizeof *t->pending.slot_of_row);
    t->published_us = INT64_MIN / 2;
    snprintf(t->name, sizeof t->name, "%s/%s", s->definition->index, s->period);
    return t;
}

void topic_destroy(struct topic **topic)
{
    struct topic *t = *topic;
    if (!t)
        return;
    free(t->pending.slot_of_row);
    free(t->pending.slot);
    free(t->pending.components);
    free(t->pseq);
    standings_destroy(&t->table);
    free(t);
    *topic = NULL;
}

static void pending_grow(struct pending *p, size_t top_count)
{
    p->capacity = p->capacity ? 2 * p->capacity : 16;
    p->slot = resized(p->slot, p->capacity, sizeof *p->slot);
    p->components = resized(p->components, p->capacity * top_count, sizeof *p->components);
    for (size_t i = 0; i < p->capacity; i++)
        p->slot[i].value.component = p->components + i * top_count;
}

static struct standing *pending_add(struct topic *t, uint32_t row)
{
    struct pending *p = &t->pending;
    if (p->count == 0)
        STATE_ENTER(&topic_machine, t->state, TOPIC_PENDING);
    ASSERT(p->count < t->table->count && !p->slot_of_row[row]);
    if (p->count == p->capacity)
        pending_grow(p, t->series->definition->top_count);
    struct pending_row *slot = &p->slot[p->count++];
    slot->row = row;
    slot->value.unit = t->table->row[row].unit;
    p->slot_of_row[row] = (uint32_t)p->count;
    return &slot->value;
}

static void value_fill(struct standing *value, const struct definition *d, const struct unit_score *score)
{
    const struct score_header *h = &score->header;
    value->appraised_share = h->appraised_share;
    value->cause_feeder = h->cause_feeder;
    value->cause_epoch = h->cause_epoch;
    value->cause_seq = h->cause_seq;
    standing_fill(value, d, h->present, h->complete, score->points);
}

/* What a subscriber sees would be the same: nothing to send (F10). */
static bool shows_same(const struct standing *s, const struct definition *d, const struct unit_score *score)
{
    const struct score_header *h = &score->header;
    bool complete = h->present && h->complete;
    if (s->present != h->present || s->complete != complete || s->appraised_share != h->appraised_share)
        return false;
    if (!h->present)
        return true;
    bool same = s->score == score->points[0];
    for (size_t i = 0; i < d->top_count && same; i++)
        same = s->component[i] == score->points[d->top[i]];
    return same;
}

enum topic_take topic_take(struct topic *t, const struct unit_score *score, uint64_t pseq)
{
    const struct definition *d = t->series->definition;
    uint32_t row = standings_find(t->table, score->unit);
    if (row == STANDINGS_NO_ROW || score->header.node_count != d->node_count)
        return TOPIC_REFUSED;
    if (pseq < t->pseq[row])
        return TOPIC_SAME;
    t->pseq[row] = pseq;
    uint32_t slot = t->pending.slot_of_row[row];
    if (!slot && shows_same(&t->table->row[row], d, score))
        return TOPIC_SAME;
    value_fill(slot ? &t->pending.slot[slot - 1].value : pending_add(t, row), d, score);
    return TOPIC_CHANGED;
}

void topic_pending_clear(struct topic *t)
{
    struct pending *p = &t->pending;
    for (size_t i = 0; i < p->count; i++)
        p->slot_of_row[p->slot[i].row] = 0;
    p->count = 0;
    STATE_ENTER(&topic_machine, t->state, TOPIC_QUIET);
}

void topic_apply_pending(struct topic *t)
{
    for (size_t i = 0; i < t->pending.count; i++)
        standings_put(t->table, t->pending.slot[i].row, &t->pending.slot[i].value);
    topic_pending_clear(t);
}

void topic_row(Parbus__Row *out, const struct standing *s, size_t top_count, uint32_t rank)
{
    parbus__row__init(out);
    out->has_unit = out->has_present = out->has_complete = out->has_score = out->has_rank = true;
    out->has_appraised_share = out->has_cause_feeder = out->has_cause_epoch = out->has_cause_seq = true;
    out->unit = s->unit;
    out->present = s->present;
    out->complete = s->complete;
    out->score = s->score;
    out->rank = rank;
    out->appraised_share = s->appraised_share;
    out->cause_feeder = s->cause_feeder;
    out->cause_epoch = s->cause_epoch;
    out->cause_seq = s->cause_seq;
    out->n_component = top_count;
    out->component = s->component;
}

size_t topic_rows_per_message(const struct topic *t)
{
    enum { ROW_BYTES_MAX = 160, COMPONENT_BYTES_MAX = 10 };
    size_t row = ROW_BYTES_MAX + COMPONENT_BYTES_MAX * t->series->definition->top_count;
    return row < PACKED_ROWS_BYTES_MAX ? PACKED_ROWS_BYTES_MAX / row : 1;
}
