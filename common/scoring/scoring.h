/* From values to points: pure functions, exact integers (law 5). Used by scorer, replay, what-if, tests and bench
 * alike. Micro-points are int64; a leaf rounds once, half away from zero; a sum adds integers; a weighted mean divides
 * once, in 128 bits, half away from zero. Nothing depends on the order of arrival. */
#pragma once
#include "catalog/catalog.h"

/* Points of a leaf for a value within [value_min, value_max]; 0 .. points_max. Formulas: leaf.c, one per rule. */
int64_t score_leaf(const struct node *leaf, double value);

struct unit_points {
    bool present;             /* any value */
    bool complete;            /* nothing is missing: the unit may be ranked */
    uint32_t appraised_share; /* of points_max, millionths: what a stage after `self` has confirmed */
    int64_t *points;          /* node_count, the caller's memory; root first */
};

/* All nodes from the leaves. leaf_stage[i] is the effective stage (0: no value); leaf_points[i] counts only when it is
 * not 0. What a missing leaf does is definition->missing. O(nodes). */
void score_unit(const struct definition *d, const uint8_t *leaf_stage, const int64_t *leaf_points,
                struct unit_points *out);

/* Micro-points as decimal text, rounded half away from zero to `decimals` (0..6): 91640000, 2 -> "91.64". */
enum { POINTS_TEXT_BYTES = 32 };
void points_format(int64_t micro, unsigned decimals, char text[static POINTS_TEXT_BYTES]);
/* A value for people and CSV: shortest text that reads back as the same double. */
enum { VALUE_TEXT_BYTES = 32 };
void value_format(double value, char text[static VALUE_TEXT_BYTES]);
/* Rounds a double number of points to micro-points, half away from zero; the product is taken exactly. */
int64_t points_round(double points);
