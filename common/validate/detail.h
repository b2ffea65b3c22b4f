/* The sentences of rejects. Each names what was sent, what is allowed, and the nearest that exists. Private to
 * validate. */
#pragma once
#include "validate/validate.h"

struct detail {
    char text[VALIDATE_DETAIL_BYTES];
};

void detail_index(struct detail *d, const struct validate_input *in);
void detail_period(struct detail *d, const struct validate_input *in);
void detail_unit_unknown(struct detail *d, const struct validate_input *in, const struct registry *registry);
void detail_unit_ambiguous(struct detail *d, const struct validate_input *in, const struct registry *registry);
void detail_cohort(struct detail *d, const struct validate_input *in, const struct definition *definition);
void detail_stage(struct detail *d, const struct validate_input *in, const struct definition *definition);
void detail_indicator(struct detail *d, uint32_t indicator, const struct definition *definition);
void detail_not_leaf(struct detail *d, const struct node *node);
void detail_not_finite(struct detail *d, double value);
void detail_range(struct detail *d, double value, const struct rule *rule);
void detail_observed(struct detail *d, int64_t observed_ms, int64_t received_ms);
