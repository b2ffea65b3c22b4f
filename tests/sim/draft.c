#include "tests/sim/draft.h"
#include "tests/sim/sim_catalog.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, TWO_DAYS_MS = 2 * 86400000 };

static const struct sim_node *pick_leaf(const struct sim_index *index, struct rng *rng)
{
    int leaf = (int)rng_below(rng, (uint32_t)index->leaf_count);
    for (int i = 0; i < index->node_count; i++)
        if (index->node[i].leaf == leaf)
            return &index->node[i];
    return &index->node[0];
}

static double pick_value(const struct sim_node *n, struct rng *rng)
{
    switch (rng_below(rng, 40)) {
    case 0:
        return NAN;
    case 1:
        return INFINITY;
    case 2:
        return n->value_max + 1;
    case 3:
        return -1;
    }
    return (double)rng_between(rng, (int64_t)n->value_min * n->grid, (int64_t)n->value_max * n->grid) / n->grid;
}

static void add_row(struct draft *d, const struct sim_index *index, struct rng *rng)
{
    Parbus__Submission *s = &d->submission;
    const struct sim_node *n = pick_leaf(index, rng);
    size_t row = s->n_indicator++;
    uint32_t odd = rng_below(rng, 40);
    d->indicator[row] = odd == 0 ? 999 : odd == 1 ? index->node[0].id : n->id;
    d->value[row] = pick_value(n, rng);
}

/* Few different times, so that equal ones and late ones are frequent. */
static int64_t pick_time(struct rng *rng, int64_t wall_ms)
{
    uint32_t odd = rng_below(rng, 60);
    if (odd == 0)
        return -1;
    if (odd == 1)
        return wall_ms + TWO_DAYS_MS;
    return wall_ms - wall_ms % MINUTE_MS - MINUTE_MS * rng_below(rng, 4);
}

static void pick_times(struct draft *d, struct rng *rng, int64_t wall_ms)
{
    Parbus__Submission *s = &d->submission;
    s->has_observed_ms = rng_below(rng, 4) != 0;
    s->observed_ms = s->has_observed_ms ? pick_time(rng, wall_ms) : 0;
    if (rng_below(rng, 4))
        return;
    s->n_row_observed_ms = s->n_indicator;
    s->row_observed_ms = d->row_observed_ms;
    for (size_t i = 0; i < s->n_indicator; i++)
        d->row_observed_ms[i] = pick_time(rng, wall_ms);
}

static void put_evidence(struct draft *d, struct rng *rng, const char *feeder, uint64_t id, bool large)
{
    int n = snprintf(d->note, sizeof d->note, "%s %lu ", feeder, id);
    size_t bytes = large ? sizeof d->note - 1 : (size_t)n;
    memset(d->note + n, 'x', bytes - (size_t)n);
    d->note[bytes] = 0;
    parbus__evidence__init(&d->evidence);
    d->evidence.has_row = 1;
    d->evidence.row = rng_below(rng, (uint32_t)d->submission.n_indicator);
    d->evidence.note = d->note;
    d->evidence_pointer = &d->evidence;
    d->submission.n_evidence = 1;
    d->submission.evidence = &d->evidence_pointer;
}

static const char *pick_unit(struct rng *rng)
{
    return sim_name_table[rng_below(rng, rng_below(rng, 2) ? SIM_UNITS : SIM_NAMES)].text;
}

void draft_make(struct draft *d, struct rng *rng, const char *feeder, uint64_t id, int64_t wall_ms, bool large)
{
    const struct sim_series *series = &sim_series_table[1 + rng_below(rng, SIM_SERIES)];
    const struct sim_index *index = &sim_index_table[series->index];
    Parbus__Submission *s = &d->submission;
    parbus__submission__init(s);
    s->index = rng_below(rng, 40) ? (char *)index->code : "gamma";
    s->period = rng_below(rng, 40) ? (char *)series->period : "1999";
    s->unit = (char *)pick_unit(rng);
    s->has_stage = s->has_retract = 1;
    s->stage = rng_below(rng, 30) ? (Parbus__Stage)(1 + rng_below(rng, index->stages >> 2 & 1 ? 2 : 1))
                                  : PARBUS__STAGE__STAGE_SURVEY;
    s->retract = rng_below(rng, 8) == 0;
    s->indicator = d->indicator;
    s->value = d->value;
    for (uint32_t rows = 1 + rng_below(rng, DRAFT_ROWS); rows > 0; rows--)
        add_row(d, index, rng);
    s->n_value = s->retract ? 0 : s->n_indicator;
    pick_times(d, rng, wall_ms);
    put_evidence(d, rng, feeder, id, large);
}
