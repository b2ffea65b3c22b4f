/* State as a process meets it: every call may be its last, may fail, and takes time. */
#include "base/bytes.h"
#include "services/scorer/core.h"
#include "tests/sim/sim.h"
#include <string.h>

static enum err is_dead(struct err_text *e) { return err_set(e, ERR_IO, "the process is dead"); }

static enum err reading(struct sim *s, struct actor *n, struct err_text *e)
{
    if (!actor_lives(s, n))
        return is_dead(e);
    n->elapsed_us++;
    if (!s->state.read_errors)
        return OK;
    s->state.read_errors--;
    census_add(s, state_read_io, 1);
    return err_set(e, ERR_IO, "the disk failed");
}

static enum err disk_fault(struct sim *s, enum census_kind io, struct err_text *e)
{
    struct sim_state *t = &s->state;
    if (s->now_us < t->full_until_us) {
        census_add(s, state_full, 1);
        return err_set(e, ERR_FULL, "the disk is full");
    }
    if (!t->write_errors)
        return OK;
    t->write_errors--;
    s->census.count[io]++;
    return err_set(e, ERR_IO, "the disk failed");
}

/* One transaction at a time: whoever holds it, even hanging, is waited for. */
static enum err begin(struct sim *s, struct actor *n, struct err_text *e)
{
    struct sim_state *t = &s->state;
    if (!actor_lives(s, n))
        return is_dead(e);
    bool last_call = n->dying;
    n->elapsed_us += rng_between(&s->rng, 20, 150);
    if (s->now_us < t->slow_until_us)
        n->elapsed_us += rng_between(&s->rng, 0, 60 * SIM_MS);
    census_add(s, waits_for_state, t->holder != NULL);
    while (t->holder && actor_can_wait(n))
        actor_wait(s, n);
    if (t->holder || n->dying != last_call)
        return is_dead(e);
    t->holder = n;
    if (actor_hangs(s, n, "hangs with a transaction of state pending"))
        census_add(s, hangs_in_transaction, 1);
    t->holder = NULL;
    return n->dying != last_call ? is_dead(e) : OK;
}

static void claim(struct sim *s, struct actor *n, struct state_claim *c)
{
    c->cursor = sim_state_cursor(&s->state, c->partition);
    c->err = flips_read_cursor(s, c->partition, &c->why);
    if (c->err)
        return;
    c->err = c->cursor.owner_epoch > c->owner_epoch ? ERR_LOST : OK;
    if (c->err) {
        census_add(s, epochs_ahead, c->cursor.owner_epoch >> 32 > s->journal.term);
        return;
    }
    c->cursor.owner_epoch = c->owner_epoch;
    sim_state_write_cursor(&s->state, c->partition, &c->cursor);
    check_owned(s, n, c->partition, c->owner_epoch);
    trace_note(s, n->name, "owns partition %lu with epoch %lu from %lu on", c->partition, c->owner_epoch & 0xffffffff,
               c->cursor.applied, 0);
}

static enum err write_claims(struct sim *s, struct actor *n, struct state_work *w, struct err_text *e)
{
    if (actor_hangs(s, n, "hangs before it takes a partition"))
        census_add(s, hangs_before_own, 1);
    enum err err = begin(s, n, e);
    if (!err)
        err = disk_fault(s, CENSUS_own_errors, e);
    if (err)
        return err;
    kv_begin(&s->state.kv);
    for (size_t i = 0; i < w->claims; i++)
        claim(s, n, &w->claim[i]);
    return OK;
}

static void commit_batch(struct sim *s, struct actor *n, struct state_batch *b)
{
    struct state_cursor cursor = sim_state_cursor(&s->state, b->partition);
    b->lost = flips_read_cursor(s, b->partition, NULL) || cursor.owner_epoch != b->owner_epoch ||
              cursor.applied != b->applied_before;
    if (s->options.mutation == MUTATION_TWO_WRITERS)
        b->lost = false;
    trace_note(s, n->name, "commits partition %lu from %lu to %lu: lost %lu", b->partition, b->applied_before,
               b->applied, b->lost);
    if (b->lost)
        return;
    cursor.applied = b->applied;
    cursor.mark = b->mark;
    sim_state_put(&s->state, b, s->options.mutation, s->now_us);
    if (s->options.mutation == MUTATION_CURSOR_APART && rng_below(&s->rng, 8) == 0) {
        actor_dies(n); /* between the two transactions */
        return;
    }
    sim_state_write_cursor(&s->state, b->partition, &cursor);
    check_committed(s, n, b);
}

static enum err write_batches(struct sim *s, struct actor *n, struct state_work *w, struct err_text *e)
{
    enum err err = begin(s, n, e);
    if (!err)
        err = disk_fault(s, CENSUS_state_io, e);
    if (err) {
        trace_note(s, n->name, "cannot commit: error %lu", err, 0, 0, 0);
        return err;
    }
    kv_begin(&s->state.kv);
    for (size_t i = 0; i < w->batches; i++)
        commit_batch(s, n, &w->batch[i]);
    if (actor_hangs(s, n, "hangs after its commit of state"))
        census_add(s, hangs_after_commit, 1);
    if (!s->state.lies)
        return OK;
    s->state.lies--;
    census_add(s, state_lies, 1);
    trace_note(s, n->name, "is told that its commit failed", 0, 0, 0, 0);
    return err_set(e, ERR_IO, "the disk failed at the end");
}

enum err sim_state_write(struct sim *s, struct actor *n, struct state_work *w, struct err_text *e)
{
    enum err err = w->claims ? write_claims(s, n, w, e) : OK;
    return !err && w->batches ? write_batches(s, n, w, e) : err;
}

void sim_state_abandoned(struct sim *s, struct actor *n, struct state_work *w)
{
    bool there = rng_below(&s->rng, 2);
    census_add(s, state_kept, there);
    census_add(s, state_dropped, !there);
    if (!there)
        return;
    kv_begin(&s->state.kv);
    for (size_t i = 0; i < w->claims; i++)
        claim(s, n, &w->claim[i]);
    if (w->claims && w->batches)
        kv_begin(&s->state.kv);
    for (size_t i = 0; i < w->batches; i++)
        commit_batch(s, n, &w->batch[i]);
}

enum err sim_state_cursor_get(struct sim *s, struct actor *n, uint32_t partition, struct state_cursor *cursor,
                              struct err_text *e)
{
    enum err err = reading(s, n, e);
    if (!err)
        err = flips_read_cursor(s, partition, e);
    *cursor = sim_state_cursor(&s->state, partition);
    return err;
}

enum err sim_state_values(struct sim *s, struct actor *n, uint32_t partition, uint32_t series, uint32_t unit,
                          uint8_t stage, struct cell *cell, size_t cell_count, struct err_text *e)
{
    enum err err = reading(s, n, e);
    if (!err)
        err = sim_state_read_values(&s->state, partition, series, unit, stage, cell, cell_count);
    if (err)
        return err;
    const struct kv_row *row = sim_state_row(&s->state, partition, series, unit, stage);
    return flips_read_row(s, row, 0, cell, cell_count * sizeof *cell, e);
}

enum err sim_state_scores(struct sim *s, struct actor *n, uint32_t partition, uint32_t series, uint32_t unit,
                          struct score_header *header, int64_t *points, size_t points_max, struct err_text *e)
{
    enum err err = reading(s, n, e);
    *header = (struct score_header){0};
    const int64_t *from;
    const struct score_header *found = err ? NULL : sim_state_read_scores(&s->state, partition, series, unit, &from);
    if (!found)
        return err ? err : ERR_NOT_FOUND;
    *header = *found;
    ASSERT(header->node_count <= points_max);
    memcpy(points, from, header->node_count * sizeof *points);
    const struct kv_row *row = sim_state_row(&s->state, partition, series, unit, 0);
    return flips_read_row(s, row, sizeof *header, points, header->node_count * sizeof *points, e);
}

enum err sim_state_tallies(struct sim *s, struct actor *n, uint32_t partition, state_tally_fn *fn, void *ctx,
                           struct err_text *e)
{
    enum err err = reading(s, n, e);
    uint8_t prefix[3] = {'t'};
    put_be16(prefix + 1, (uint16_t)partition);
    const struct kv *kv = &s->state.kv;
    for (size_t i = kv_seek(kv, prefix, 3); !err && i < kv->count && !memcmp(kv->row[i].key, prefix, 3); i++) {
        uint64_t epoch;
        struct tally tally;
        memcpy(&epoch, kv->row[i].data, sizeof epoch);
        memcpy(&tally, kv->row[i].data + sizeof epoch, sizeof tally);
        err = flips_read_row(s, &kv->row[i], sizeof epoch, &tally, sizeof tally, e);
        if (err || !fn(ctx, get_be32(kv->row[i].key + 3), epoch, &tally))
            break;
    }
    return err;
}

/* Mutation: with the bit that is not what was written. */
static enum err hand_out_scores(struct sim *s, const struct kv_row *row, state_scores_fn *fn, void *ctx, bool *more,
                                struct err_text *e)
{
    enum { NODES_MAX = 64 };
    int64_t points[NODES_MAX];
    struct score_header header;
    memcpy(&header, row->data, sizeof header);
    ASSERT(header.node_count <= NODES_MAX);
    memcpy(points, row->data + sizeof header, header.node_count * sizeof *points);
    enum err err = flips_read_row(s, row, sizeof header, points, header.node_count * sizeof *points, e);
    *more = !err && fn(ctx, get_be32(row->key + 3), get_be32(row->key + 7), &header, points);
    return err;
}

enum err sim_state_scores_each(struct sim *s, struct actor *n, uint32_t partition, uint64_t *applied,
                               state_scores_fn *fn, void *ctx, struct err_text *e)
{
    enum err err = reading(s, n, e);
    bool more = !err;
    *applied = sim_state_cursor(&s->state, partition).applied;
    uint8_t prefix[3] = {'s'};
    put_be16(prefix + 1, (uint16_t)partition);
    const struct kv *kv = &s->state.kv;
    for (size_t i = kv_seek(kv, prefix, 3); more && i < kv->count && !memcmp(kv->row[i].key, prefix, 3); i++)
        err = hand_out_scores(s, &kv->row[i], fn, ctx, &more, e);
    return err;
}

void sim_state_rejects(struct sim *s, struct actor *n, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       state_reject_fn *fn, void *ctx)
{
    uint8_t key[25] = {'r'};
    put_be32(key + 1, feeder);
    put_be64(key + 5, epoch);
    put_be64(key + 13, seq);
    put_be32(key + 21, row);
    const struct kv *kv = &s->state.kv;
    if (reading(s, n, NULL))
        return;
    for (size_t i = kv_seek(kv, key, sizeof key); i < kv->count && !memcmp(kv->row[i].key, key, 13); i++) {
        const uint8_t *k = kv->row[i].key;
        const struct reject_header *header = (const void *)kv->row[i].data;
        char detail[1024];
        size_t bytes = header->detail_bytes < sizeof detail ? header->detail_bytes : sizeof detail - 1;
        memcpy(detail, header + 1, bytes);
        detail[bytes] = 0;
        if (!fn(ctx, feeder, epoch, get_be64(k + 13), get_be32(k + 21), header, detail))
            break;
    }
}

void sim_state_power_cut(struct sim *s)
{
    if (rng_below(&s->rng, 2)) {
        census_add(s, state_undone, 1);
        kv_undo(&s->state.kv);
        trace_note(s, "state", "loses its last transaction", 0, 0, 0, 0);
        check_owners_from_state(s);
    }
    kv_begin(&s->state.kv);
}

void sim_state_delete(struct sim *s)
{
    kv_free(&s->state.kv);
    check_owners_from_state(s);
}

void sim_state_copy(struct sim *s)
{
    kv_free(&s->state.copy);
    kv_copy(&s->state.copy, &s->state.kv);
}

void sim_state_restore(struct sim *s)
{
    kv_free(&s->state.kv);
    kv_copy(&s->state.kv, &s->state.copy);
    check_owners_from_state(s);
}
