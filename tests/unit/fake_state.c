#include "fake_state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_blob *find(const struct buffer *b, struct fake_key key)
{
    struct fake_blob *blob = (struct fake_blob *)(void *)b->data;
    for (size_t i = 0; i < b->size / sizeof *blob; i++)
        if (memcmp(&blob[i].key, &key, sizeof key) == 0)
            return &blob[i];
    return NULL;
}

static void put(struct buffer *b, struct fake_key key, const void *head, size_t head_bytes, const void *rest,
                size_t bytes)
{
    struct fake_blob *blob = find(b, key);
    if (!blob) {
        blob = buffer_grow(b, sizeof *blob);
        *blob = (struct fake_blob){.key = key};
    }
    blob->bytes = head_bytes + bytes;
    blob->data = realloc(blob->data, blob->bytes);
    if (head_bytes)
        memcpy(blob->data, head, head_bytes);
    memcpy(blob->data + head_bytes, rest, bytes);
}

static void free_blobs(struct buffer *b)
{
    struct fake_blob *blob = (struct fake_blob *)(void *)b->data;
    for (size_t i = 0; i < b->size / sizeof *blob; i++)
        free(blob[i].data);
    buffer_free(b);
}

void fake_state_free(struct fake_state *s)
{
    free_blobs(&s->values);
    free_blobs(&s->scores);
    buffer_free(&s->tallies);
    buffer_free(&s->rejects);
}

static enum err open_state(void *ctx, uint64_t journal_id, struct err_text *e)
{
    struct fake_state *s = ctx;
    s->journal_id = journal_id;
    return s->fail_open ? err_set(e, s->fail_open, "disk") : OK;
}

static enum err tallies(void *ctx, uint32_t partition, state_tally_fn *fn, void *fn_ctx, struct err_text *e)
{
    struct fake_state *s = ctx;
    (void)e;
    const struct fake_tally *t = (const struct fake_tally *)(void *)s->tallies.data;
    for (size_t i = 0; i < s->tallies.size / sizeof *t; i++)
        if (t[i].partition == partition && !fn(fn_ctx, t[i].feeder, t[i].epoch, &t[i].tally))
            break;
    return OK;
}

static enum err values(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage, struct cell *cell,
                       size_t cell_count, struct err_text *e)
{
    struct fake_state *s = ctx;
    s->reads++;
    s->bookmark_at_read = s->bookmark ? s->bookmark->pseq : 0;
    if (s->fail_read)
        return err_set(e, s->fail_read, "disk");
    const struct fake_blob *blob = find(&s->values, (struct fake_key){partition, series, unit, stage});
    memset(cell, 0, cell_count * sizeof *cell);
    if (!blob)
        return ERR_NOT_FOUND;
    memcpy(cell, blob->data, blob->bytes);
    return OK;
}

static enum err scores(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, struct score_header *header,
                       int64_t *points, size_t points_max, struct err_text *e)
{
    struct fake_state *s = ctx;
    (void)e, (void)points_max;
    const struct fake_blob *blob = find(&s->scores, (struct fake_key){partition, series, unit, 0});
    if (!blob)
        return ERR_NOT_FOUND;
    memcpy(header, blob->data, sizeof *header);
    memcpy(points, blob->data + sizeof *header, blob->bytes - sizeof *header);
    return OK;
}

static void put_tally(struct fake_state *s, uint32_t partition, const struct state_tally_put *put_)
{
    struct fake_tally *t = (struct fake_tally *)(void *)s->tallies.data;
    size_t left = s->tallies.size / sizeof *t;
    for (; left && (t->partition != partition || t->feeder != put_->feeder || t->epoch != put_->epoch); left--)
        t++;
    if (!left)
        t = buffer_grow(&s->tallies, sizeof *t);
    *t = (struct fake_tally){partition, put_->feeder, put_->epoch, put_->tally};
}

static void put_reject(struct fake_state *s, const struct state_reject_put *r)
{
    struct fake_reject copy = {
        .feeder = r->feeder, .row = r->row, .epoch = r->epoch, .seq = r->seq, .header = r->header, .gone = r->gone};
    snprintf(copy.detail, sizeof copy.detail, "%.*s", (int)r->header.detail_bytes, r->detail);
    buffer_append(&s->rejects, &copy, sizeof copy);
}

static void write_batch(struct fake_state *s, const struct state_batch *b)
{
    for (size_t i = 0; i < b->values_count; i++) {
        const struct state_values_put *v = &b->values[i];
        put(&s->values, (struct fake_key){b->partition, v->series, v->unit, v->stage}, NULL, 0, v->cell,
            v->cell_count * sizeof *v->cell);
    }
    for (size_t i = 0; i < b->scores_count; i++) {
        const struct unit_score *v = &b->scores[i];
        put(&s->scores, (struct fake_key){b->partition, v->series, v->unit, 0}, &v->header, sizeof v->header, v->points,
            v->header.node_count * sizeof *v->points);
    }
    for (size_t i = 0; i < b->tallies_count; i++)
        put_tally(s, b->partition, &b->tallies[i]);
    for (size_t i = 0; i < b->rejects_count; i++)
        put_reject(s, &b->rejects[i]);
    s->cursor[b->partition].applied = b->applied;
    s->cursor[b->partition].mark = b->mark;
}

static enum err take(struct fake_state *s, struct state_claim *c)
{
    struct state_cursor *cursor = &s->cursor[c->partition];
    if (s->fail_own)
        return s->fail_own;
    c->err = cursor->owner_epoch > c->owner_epoch ? ERR_LOST : OK;
    if (c->partition == s->damaged && s->damaged)
        c->err = err_set(&c->why, ERR_CORRUPT, "partition %u is damaged", c->partition);
    if (!c->err)
        cursor->owner_epoch = c->owner_epoch;
    c->cursor = *cursor;
    return OK;
}

static void commit_batch(struct fake_state *s, struct state_batch *b)
{
    const struct state_cursor *cursor = &s->cursor[b->partition];
    b->lost = cursor->owner_epoch != b->owner_epoch || cursor->applied != b->applied_before;
    if (!b->lost)
        write_batch(s, b);
}

static enum err commit(struct fake_state *s, const struct state_work *w)
{
    if (s->fail_commit)
        return s->fail_commit;
    s->commits++;
    for (size_t i = 0; i < w->batches; i++)
        commit_batch(s, &w->batch[i]);
    return OK;
}

bool fake_state_write(struct fake_state *s, uint64_t *ticket, enum err *err)
{
    const struct state_work *w = s->work;
    if (!w)
        return false;
    *err = OK;
    for (size_t i = 0; i < w->claims && !*err; i++)
        *err = take(s, &w->claim[i]);
    if (!*err && w->batches)
        *err = commit(s, w);
    *ticket = s->ticket;
    s->work = NULL;
    return true;
}

static void hand_over(void *ctx, struct state_work *work, uint64_t ticket)
{
    struct fake_state *s = ctx;
    ASSERT(!s->work);
    s->bookmark_at_commit = s->bookmark ? s->bookmark->pseq : 0;
    s->work = work;
    s->ticket = ticket;
}

static enum err cursor_of(void *ctx, uint32_t partition, struct state_cursor *cursor, struct err_text *e)
{
    struct fake_state *s = ctx;
    (void)e;
    *cursor = s->cursor[partition];
    return OK;
}

const struct scorer_store_io fake_state_io = {open_state, tallies, values, scores, cursor_of, hand_over};

const struct cell *fake_cells(const struct fake_state *s, uint32_t partition, uint32_t unit, int stage)
{
    const struct fake_blob *b = find(&s->values, (struct fake_key){partition, 1, unit, (uint32_t)stage});
    return b ? (const struct cell *)(void *)b->data : NULL;
}

const struct score_header *fake_score(const struct fake_state *s, uint32_t partition, uint32_t unit)
{
    const struct fake_blob *b = find(&s->scores, (struct fake_key){partition, 1, unit, 0});
    return b ? (const struct score_header *)(void *)b->data : NULL;
}

const int64_t *fake_points(const struct fake_state *s, uint32_t partition, uint32_t unit)
{
    const struct score_header *h = fake_score(s, partition, unit);
    return h ? (const int64_t *)(const void *)(h + 1) : NULL;
}

const struct tally *fake_tally(const struct fake_state *s, uint32_t partition, uint32_t feeder)
{
    const struct fake_tally *t = (const struct fake_tally *)(void *)s->tallies.data;
    for (size_t i = 0; i < s->tallies.size / sizeof *t; i++)
        if (t[i].partition == partition && t[i].feeder == feeder)
            return &t[i].tally;
    return NULL;
}

const struct fake_reject *fake_reject(const struct fake_state *s, size_t i)
{
    const struct fake_reject *r = (const struct fake_reject *)(void *)s->rejects.data;
    return i < s->rejects.size / sizeof *r ? r + i : NULL;
}
