#include "services/scorer/internal.h"

static void add_unit(struct cut *c, struct state_batch *batch, const struct cached_unit *u)
{
    struct unit_score score = {.series = u->series, .unit = u->unit, .header = u->score};
    buffer_append(&c->scores, &score, sizeof score);
    buffer_append(&c->points, u->points, u->score.node_count * sizeof *u->points);
    batch->scores_count++;
    for (int stage = 1; stage < STAGES; stage++)
        if (u->stages_dirty >> stage & 1) {
            struct state_values_put values = {
                .series = u->series, .unit = u->unit, .stage = (uint8_t)stage, .cell_count = u->definition->leaf_count};
            buffer_append(&c->values, &values, sizeof values);
            buffer_append(&c->cells, u->cells[stage], values.cell_count * sizeof *values.cell);
            batch->values_count++;
        }
}

static void add_tallies(struct cut *c, struct state_batch *batch, const struct tallies *t)
{
    for (size_t i = 0; batch->tallies_count < t->dirty; i++)
        if (t->row[i].dirty) {
            struct state_tally_put put = {
                .feeder = t->row[i].feeder, .epoch = t->row[i].epoch, .tally = t->row[i].tally};
            buffer_append(&c->tallies, &put, sizeof put);
            batch->tallies_count++;
        }
}

static void add_rejects(struct cut *c, struct state_batch *batch, const struct effects *dirty)
{
    batch->rejects_count = buffer_count(&dirty->rejects, struct pending_reject);
    for (size_t i = 0; i < batch->rejects_count; i++) {
        const struct pending_reject *r = buffer_at(&dirty->rejects, i, sizeof *r);
        buffer_append(&c->rejects, &r->put, sizeof r->put);
        buffer_append(&c->details, dirty->details.data + r->detail_at, r->put.header.detail_bytes + 1);
    }
}

void cut_claim(struct cut *c, const struct partition *p)
{
    struct state_claim claim = {.partition = p->number, .owner_epoch = p->owner_epoch};
    buffer_append(&c->claims, &claim, sizeof claim);
}

void cut_effects(struct cut *c, const struct partition *p)
{
    struct state_batch batch = {.partition = p->number,
                                .owner_epoch = p->owner_epoch,
                                .applied_before = p->committed,
                                .applied = p->applied,
                                .mark = p->mark};
    for (size_t i = 0; i < buffer_count(&p->dirty.units, struct cached_unit *); i++)
        add_unit(c, &batch, *(struct cached_unit **)buffer_at(&p->dirty.units, i, sizeof(struct cached_unit *)));
    add_tallies(c, &batch, &p->tallies);
    add_rejects(c, &batch, &p->dirty);
    buffer_append(&c->batches, &batch, sizeof batch);
}

/* The arrays may have moved while they grew: everything gets its pointers at the end. */
static void point_values(struct cut *c)
{
    const struct cell *cell = buffer_at(&c->cells, 0, 1);
    for (size_t i = 0; i < buffer_count(&c->values, struct state_values_put); i++) {
        struct state_values_put *v = buffer_at(&c->values, i, sizeof *v);
        v->cell = cell;
        cell += v->cell_count;
    }
}

static void point_scores(struct cut *c)
{
    const int64_t *points = buffer_at(&c->points, 0, 1);
    for (size_t i = 0; i < buffer_count(&c->scores, struct unit_score); i++) {
        struct unit_score *u = buffer_at(&c->scores, i, sizeof *u);
        u->points = points;
        points += u->header.node_count;
    }
}

static void point_rejects(struct cut *c)
{
    const char *detail = buffer_at(&c->details, 0, 1);
    for (size_t i = 0; i < buffer_count(&c->rejects, struct state_reject_put); i++) {
        struct state_reject_put *r = buffer_at(&c->rejects, i, sizeof *r);
        r->detail = detail;
        detail += r->header.detail_bytes + 1;
    }
}

static void point_batches(struct cut *c)
{
    size_t values = 0, scores = 0, tallies = 0, rejects = 0;
    for (size_t i = 0; i < buffer_count(&c->batches, struct state_batch); i++) {
        struct state_batch *b = buffer_at(&c->batches, i, sizeof *b);
        b->values = buffer_at(&c->values, values, sizeof *b->values);
        b->scores = buffer_at(&c->scores, scores, sizeof *b->scores);
        b->tallies = buffer_at(&c->tallies, tallies, sizeof *b->tallies);
        b->rejects = buffer_at(&c->rejects, rejects, sizeof *b->rejects);
        values += b->values_count, scores += b->scores_count;
        tallies += b->tallies_count, rejects += b->rejects_count;
    }
}

void cut_end(struct cut *c)
{
    point_values(c);
    point_scores(c);
    point_rejects(c);
    point_batches(c);
    c->work = (struct state_work){.claim = buffer_at(&c->claims, 0, 1),
                                  .claims = buffer_count(&c->claims, struct state_claim),
                                  .batch = buffer_at(&c->batches, 0, 1),
                                  .batches = buffer_count(&c->batches, struct state_batch)};
}

static void each(struct cut *c, void (*fn)(struct buffer *b))
{
    struct buffer *const all[] = {&c->claims,  &c->batches, &c->values, &c->scores, &c->tallies,
                                  &c->rejects, &c->cells,   &c->points, &c->details};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fn(all[i]);
}

void cut_begin(struct cut *c) { each(c, buffer_clear); }

void cut_free(struct cut *c) { each(c, buffer_free); }

size_t cut_bytes(const struct cut *c)
{
    return c->values.size + c->scores.size + c->tallies.size + c->rejects.size + c->cells.size + c->points.size +
           c->details.size;
}
