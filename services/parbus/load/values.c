#include "base/err.h"
#include "services/parbus/load/load.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN_MAX = 100 }; /* of indicators that take any number */

static struct load_unit *units(const struct load_values *v) { return (struct load_unit *)(void *)v->unit.data; }

void load_values_free(struct load_values *v)
{
    for (size_t i = 0; i < v->unit_count; i++) {
        free(units(v)[i].code);
        load_queue_free(&units(v)[i].queue);
    }
    buffer_free(&v->unit);
    buffer_free(&v->leaf);
    map_free(&v->by_number);
    free(v->indicator);
    free(v->value);
}

bool load_values_describe(struct load_values *v, const Parbus__Description *d)
{
    buffer_clear(&v->leaf);
    for (size_t i = 0; i < d->n_indicator; i++) {
        const Parbus__Indicator *from = d->indicator[i];
        double least = isfinite(from->value_min) ? from->value_min : 0;
        double most = isfinite(from->value_max) ? from->value_max : least + SPAN_MAX;
        struct load_leaf leaf = {from->id, least, fmin(most - least, SPAN_MAX)};
        if (from->leaf && leaf.span > 0)
            buffer_append(&v->leaf, &leaf, sizeof leaf);
    }
    v->leaf_count = v->leaf.size / sizeof(struct load_leaf);
    v->stage = d->n_stage ? d->stage[d->n_stage - 1] : PARBUS__STAGE__STAGE_SELF;
    return v->leaf_count > 0;
}

void load_values_add_unit(struct load_values *v, const struct parbus_row *row, uint32_t feeder)
{
    struct load_unit unit = {.number = row->unit, .feeder = feeder, .code = strdup(row->code)};
    ASSERT(unit.code);
    map_put(&v->by_number, unit.number, (uint32_t)v->unit_count);
    buffer_append(&v->unit, &unit, sizeof unit);
    v->unit_count++;
}

void load_values_start(struct load_values *v, const struct load_options *o)
{
    v->observations = (size_t)o->observations;
    v->random = 88172645463325252ull;
    v->indicator = calloc(v->observations, sizeof *v->indicator);
    v->value = calloc(v->observations, sizeof *v->value);
    ASSERT(v->indicator && v->value);
    v->submission = (Parbus__Submission)PARBUS__SUBMISSION__INIT;
    v->submission.index = (char *)o->index;
    v->submission.period = (char *)o->period;
    v->submission.has_stage = 1;
    v->submission.stage = v->stage;
    v->submission.n_indicator = v->submission.n_value = v->observations;
    v->submission.indicator = v->indicator;
    v->submission.value = v->value;
}

/* xorshift64 (G. Marsaglia): fast, and good enough to move a score. */
static double fraction(struct load_values *v)
{
    v->random ^= v->random << 13;
    v->random ^= v->random >> 7;
    v->random ^= v->random << 17;
    return (double)(v->random >> 11) * 0x1p-53;
}

Parbus__Submission *load_values_next(struct load_values *v, struct load_unit **unit)
{
    const struct load_leaf *leaf = (const struct load_leaf *)(const void *)v->leaf.data;
    *unit = &units(v)[v->next_unit];
    v->next_unit = v->next_unit + 1 == v->unit_count ? 0 : v->next_unit + 1;
    for (size_t i = 0; i < v->observations; i++) {
        const struct load_leaf *l = &leaf[v->next_leaf];
        v->next_leaf = v->next_leaf + 1 == v->leaf_count ? 0 : v->next_leaf + 1;
        v->indicator[i] = l->id;
        v->value[i] = l->least + l->span * fraction(v);
    }
    v->submission.unit = (*unit)->code;
    return &v->submission;
}

void load_values_undo(struct load_values *v) { v->next_unit = v->next_unit ? v->next_unit - 1 : v->unit_count - 1; }

struct load_unit *load_values_unit(struct load_values *v, uint32_t number)
{
    uint32_t at;
    return map_get(&v->by_number, number, &at) ? &units(v)[at] : NULL;
}
