#include "base/deadline.h"
#include "services/scorer/internal.h"
#include "wire/wire.h"

enum { BACKOFF_LEAST_US = 100000, BACKOFF_MOST_US = 5000000 };

static void add_unit(struct scorer *s, struct state_batch *batch, const struct cached_unit *u)
{
    struct unit_score score = {.series = u->series, .unit = u->unit, .header = u->score, .points = u->points};
    buffer_append(&s->scores, &score, sizeof score);
    batch->scores_count++;
    for (int stage = 1; stage < STAGES; stage++)
        if (u->stages_dirty >> stage & 1) {
            struct state_values_put values = {.series = u->series,
                                              .unit = u->unit,
                                              .stage = (uint8_t)stage,
                                              .cell = u->cells[stage],
                                              .cell_count = u->definition->leaf_count};
            buffer_append(&s->values, &values, sizeof values);
            batch->values_count++;
        }
}

static void add_tallies(struct scorer *s, struct state_batch *batch, const struct tallies *t)
{
    for (size_t i = 0; t->dirty && i < t->count; i++)
        if (t->row[i].dirty) {
            struct state_tally_put put = {
                .feeder = t->row[i].feeder, .epoch = t->row[i].epoch, .tally = t->row[i].tally};
            buffer_append(&s->tallies, &put, sizeof put);
            batch->tallies_count++;
        }
}

static void add_rejects(struct scorer *s, struct state_batch *batch, const struct partition *p)
{
    batch->rejects_count = buffer_count(&p->rejects, struct pending_reject);
    for (size_t i = 0; i < batch->rejects_count; i++) {
        struct pending_reject *r = buffer_at(&p->rejects, i, sizeof *r);
        r->put.detail = (const char *)p->details.data + r->detail_at;
        buffer_append(&s->rejects, &r->put, sizeof r->put);
    }
}

static void add_batch(struct scorer *s, const struct partition *p)
{
    struct state_batch batch = {
        .partition = p->number, .owner_epoch = p->owner_epoch, .applied_before = p->committed, .applied = p->applied};
    for (size_t i = 0; i < buffer_count(&p->dirty, struct cached_unit *); i++)
        add_unit(s, &batch, *(struct cached_unit **)buffer_at(&p->dirty, i, sizeof(struct cached_unit *)));
    add_tallies(s, &batch, &p->tallies);
    add_rejects(s, &batch, p);
    buffer_append(&s->batches, &batch, sizeof batch);
}

/* The arrays may have moved while they grew: the batches get their pointers at the end. */
static void point(struct scorer *s)
{
    size_t values = 0, scores = 0, tallies = 0, rejects = 0;
    for (size_t i = 0; i < buffer_count(&s->batches, struct state_batch); i++) {
        struct state_batch *b = buffer_at(&s->batches, i, sizeof *b);
        b->values = buffer_at(&s->values, values, sizeof *b->values);
        b->scores = buffer_at(&s->scores, scores, sizeof *b->scores);
        b->tallies = buffer_at(&s->tallies, tallies, sizeof *b->tallies);
        b->rejects = buffer_at(&s->rejects, rejects, sizeof *b->rejects);
        values += b->values_count, scores += b->scores_count;
        tallies += b->tallies_count, rejects += b->rejects_count;
    }
}

static size_t build(struct scorer *s)
{
    struct buffer *const used[] = {&s->batches, &s->values, &s->scores, &s->tallies, &s->rejects};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        buffer_clear(used[i]);
    for (size_t i = 0; i < s->owned_count; i++)
        if (s->partition[s->owned[i]]->applied > s->partition[s->owned[i]]->committed)
            add_batch(s, s->partition[s->owned[i]]);
    point(s);
    return buffer_count(&s->batches, struct state_batch);
}

static void note_committed(struct scorer *s, struct partition *p)
{
    partition_clean(s, p);
    p->committed = p->applied;
    answer_progress(s, p, p->repeat);
    tallies_clean(&p->tallies);
    partition_assert(p);
}

static void note_all_committed(struct scorer *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct state_batch *b = buffer_at(&s->batches, i, sizeof *b);
        struct partition *p = partition_held(s, b->partition);
        if (!b->lost) {
            note_committed(s, p);
            continue;
        }
        partition_lost(s, p);
    }
    ASSERT(s->dirty_units == 0 && s->uncommitted_bytes == 0); /* whatever was not committed was in one of them */
}

void note_writing(struct scorer *s, const struct err_text *e)
{
    s->trouble = e ? *e : (struct err_text){""};
    wire_utf8_mend(s->trouble.text);
    s->worker.trouble = e ? s->trouble.text : NULL;
}

static void note_failure(struct scorer *s, const struct err_text *e, int64_t now_us)
{
    int64_t longer = s->backoff_us ? 2 * s->backoff_us : BACKOFF_LEAST_US;
    s->backoff_us = earlier_us(longer, BACKOFF_MOST_US);
    s->next_commit_us = now_us + s->backoff_us;
    metric_add(&s->metrics, state_commit_failures, 1);
    note_writing(s, e);
    tell(&s->io, TELL_WARN, "scorer.commit_failed", "why=\"%s\"", e->text);
}

enum err commit_all(struct scorer *s, int64_t now_us)
{
    struct err_text e = {""};
    scorer_flush(s);
    size_t count = build(s);
    if (count) {
        enum err err = s->io.store.commit(s->io.store_ctx, (struct state_batch *)(void *)s->batches.data, count, &e);
        if (err) {
            note_failure(s, &e, now_us);
            return err;
        }
        metric_add(&s->metrics, state_commits, 1);
        note_all_committed(s, count);
        tell_committed(s);
        units_shrink(s);
    }
    note_writing(s, NULL);
    s->uncommitted = false;
    s->backoff_us = 0;
    s->next_commit_us = now_us + s->limits.commit_interval_us;
    return OK;
}

bool commit_pressed(const struct scorer *s)
{
    return s->uncommitted_bytes > UNCOMMITTED_BYTES_MAX || s->dirty_units > s->limits.cached_units_max;
}
