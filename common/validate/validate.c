#include "validate/validate.h"
#include "validate/detail.h"
#include "wire/wire.h"
#include <math.h>
#include <stdio.h>

enum { SHA256_BYTES = 32 };

struct checking {
    const struct validate_input *in;
    const struct definition *definition;
    validate_reject_fn *reject;
    void *ctx;
    size_t evidence; /* next entry of the submission's evidence */
    int64_t observed_ms_max;
};

static Parbus__Reason check_series(const struct checking *c, struct detail *d)
{
    const struct validate_input *in = c->in;
    if (c->definition)
        return PARBUS__REASON__REASON_NONE;
    const char *index = in->submission->index;
    if (index && catalog_find_definition(in->catalog, index, in->as_of)) {
        detail_period(d, in);
        return PARBUS__REASON__REJECTED_PERIOD_UNKNOWN;
    }
    detail_index(d, in);
    return PARBUS__REASON__REJECTED_INDEX_UNKNOWN;
}

static Parbus__Reason check_unit(const struct checking *c, struct detail *d)
{
    uint32_t unit = c->in->entry->unit;
    if (unit == UNIT_NONE) {
        detail_unit_unknown(d, c->in, c->definition->registry);
        return PARBUS__REASON__REJECTED_UNIT_UNKNOWN;
    }
    if (unit == UNIT_AMBIGUOUS) {
        detail_unit_ambiguous(d, c->in, c->definition->registry);
        return PARBUS__REASON__REJECTED_UNIT_AMBIGUOUS;
    }
    if (!definition_in_cohort(c->definition, unit)) {
        detail_cohort(d, c->in, c->definition);
        return PARBUS__REASON__REJECTED_UNIT_NOT_IN_COHORT;
    }
    return PARBUS__REASON__REASON_NONE;
}

static Parbus__Reason check_stage(const struct checking *c, struct detail *d)
{
    if (definition_has_stage(c->definition, c->in->submission->stage))
        return PARBUS__REASON__REASON_NONE;
    detail_stage(d, c->in, c->definition);
    return PARBUS__REASON__REJECTED_STAGE_UNKNOWN;
}

/* The door has checked the columns (S1); whoever reads the journal checks them again, because a column that is too
 * short must never be read beyond its end. */
static Parbus__Reason check_shape(const struct checking *c, struct detail *d)
{
    const Parbus__Submission *s = c->in->submission;
    size_t rows = s->n_indicator, values = s->retract ? 0 : rows;
    if (!rows) {
        snprintf(d->text, sizeof d->text, "the submission has no rows");
        return PARBUS__REASON__REJECTED_EMPTY;
    }
    if (s->n_value == values && (!s->n_row_observed_ms || s->n_row_observed_ms == rows))
        return PARBUS__REASON__REASON_NONE;
    snprintf(d->text, sizeof d->text, "columns differ in length: %zu indicators, %zu values, %zu times", rows,
             s->n_value, s->n_row_observed_ms);
    return PARBUS__REASON__REJECTED_POISON;
}

static Parbus__Reason check_evidence_rows(const struct checking *c, struct detail *d)
{
    const Parbus__Submission *s = c->in->submission;
    for (size_t i = 0; i < s->n_evidence; i++) {
        uint32_t row = s->evidence[i]->row;
        if (row < s->n_indicator && (i == 0 || row >= s->evidence[i - 1]->row))
            continue;
        snprintf(d->text, sizeof d->text, "evidence %zu names row %u; rows are 0..%zu, in ascending order", i, row,
                 s->n_indicator - 1);
        return PARBUS__REASON__REJECTED_EVIDENCE_INVALID;
    }
    return PARBUS__REASON__REASON_NONE;
}

static Parbus__Reason check_whole(const struct checking *c, struct detail *d)
{
    static Parbus__Reason (*const checks[])(const struct checking *, struct detail *) = {
        check_series, check_unit, check_stage, check_shape, check_evidence_rows,
    };
    Parbus__Reason reason = PARBUS__REASON__REASON_NONE;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !reason; i++)
        reason = checks[i](c, d);
    return reason;
}

static Parbus__Reason check_indicator(const struct checking *c, size_t row, const struct node **node)
{
    *node = definition_node(c->definition, c->in->submission->indicator[row]);
    if (!*node)
        return PARBUS__REASON__REJECTED_INDICATOR_UNKNOWN;
    return (*node)->leaf < 0 ? PARBUS__REASON__REJECTED_INDICATOR_NOT_LEAF : PARBUS__REASON__REASON_NONE;
}

static Parbus__Reason check_value(const struct checking *c, size_t row, const struct rule *rule)
{
    if (c->in->submission->retract)
        return PARBUS__REASON__REASON_NONE;
    double value = c->in->submission->value[row];
    if (value >= rule->value_min && value <= rule->value_max && isfinite(value))
        return PARBUS__REASON__REASON_NONE;
    return isfinite(value) ? PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE : PARBUS__REASON__REJECTED_VALUE_NOT_FINITE;
}

static Parbus__Reason check_observed(const struct checking *c, size_t row)
{
    int64_t at = submission_observed_ms(c->in->submission, row, c->in->received_ms);
    return at >= 0 && at <= c->observed_ms_max ? PARBUS__REASON__REASON_NONE
                                               : PARBUS__REASON__REJECTED_OBSERVED_AT_INVALID;
}

static Parbus__Reason check_evidence(struct checking *c, size_t row)
{
    const Parbus__Submission *s = c->in->submission;
    Parbus__Reason reason = PARBUS__REASON__REASON_NONE;
    for (; c->evidence < s->n_evidence && s->evidence[c->evidence]->row == row; c->evidence++) {
        const Parbus__Evidence *evidence = s->evidence[c->evidence];
        if (evidence->has_sha256 && evidence->sha256.len != SHA256_BYTES)
            reason = PARBUS__REASON__REJECTED_EVIDENCE_INVALID;
    }
    return reason;
}

static Parbus__Reason check_row(struct checking *c, size_t row)
{
    const struct node *node;
    Parbus__Reason evidence = check_evidence(c, row);
    Parbus__Reason reason = check_indicator(c, row, &node);
    if (!reason)
        reason = check_value(c, row, &node->rule);
    if (!reason)
        reason = check_observed(c, row);
    return reason ? reason : evidence;
}

/* Apart from the checks, so that an accepted row never comes near a format string. */
static void explain_row(const struct checking *c, size_t row, Parbus__Reason reason, struct detail *d)
{
    const Parbus__Submission *s = c->in->submission;
    const struct node *node = definition_node(c->definition, s->indicator[row]);
    switch (reason) {
    case PARBUS__REASON__REJECTED_INDICATOR_UNKNOWN:
        detail_indicator(d, s->indicator[row], c->definition);
        break;
    case PARBUS__REASON__REJECTED_INDICATOR_NOT_LEAF:
        detail_not_leaf(d, node);
        break;
    case PARBUS__REASON__REJECTED_VALUE_NOT_FINITE:
        detail_not_finite(d, s->value[row]);
        break;
    case PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE:
        detail_range(d, s->value[row], &node->rule);
        break;
    case PARBUS__REASON__REJECTED_OBSERVED_AT_INVALID:
        detail_observed(d, submission_observed_ms(s, row, c->in->received_ms), c->in->received_ms);
        break;
    default:
        snprintf(d->text, sizeof d->text, "sha256 of the evidence is not %d bytes long", SHA256_BYTES);
        break;
    }
}

static bool reject_row(const struct checking *c, size_t row, Parbus__Reason reason)
{
    struct detail d;
    explain_row(c, row, reason, &d);
    return c->reject(c->ctx, (uint32_t)row, reason, d.text);
}

uint32_t validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx)
{
    const struct series *series = catalog_series(in->catalog, in->entry->series);
    struct checking c = {.in = in, .reject = reject, .ctx = ctx, .definition = series ? series->definition : NULL};
    c.observed_ms_max = in->received_ms > INT64_MAX - VALIDATE_DAY_MS ? INT64_MAX : in->received_ms + VALIDATE_DAY_MS;
    struct detail d;
    Parbus__Reason whole = check_whole(&c, &d);
    if (whole) {
        reject(ctx, WIRE_ROW_WHOLE, whole, d.text);
        return 1;
    }
    uint32_t rejected = 0;
    for (size_t row = 0; row < in->submission->n_indicator; row++) {
        Parbus__Reason reason = check_row(&c, row);
        if (reason) {
            rejected++;
            if (!reject_row(&c, row, reason))
                break;
        }
    }
    return rejected;
}
