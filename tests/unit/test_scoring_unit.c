/* From leaves to the root: tables made by hand, a published index, and properties that hold for any tree. */
#include "base/bytes.h"
#include "scoring/scoring.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { NODES = 64, P = MICRO };
#define SUM PARBUS__AGGREGATION__AGG_SUM
#define ARITHMETIC PARBUS__AGGREGATION__AGG_ARITHMETIC
#define GEOMETRIC PARBUS__AGGREGATION__AGG_GEOMETRIC
#define HARMONIC PARBUS__AGGREGATION__AGG_HARMONIC
#define LEAST PARBUS__AGGREGATION__AGG_MIN
#define INCOMPLETE PARBUS__MISSING__MISSING_INCOMPLETE
#define ZERO PARBUS__MISSING__MISSING_ZERO
#define REWEIGHT PARBUS__MISSING__MISSING_REWEIGHT

/* A tree under construction, and what its leaves hold. */
struct tree {
    struct definition d;
    struct node node[NODES];
    uint8_t stage[NODES];
    int64_t leaf_points[NODES], points[NODES];
    struct unit_points out;
};

static void add(struct tree *t, int parent, int leaf, Parbus__Aggregation aggregation, int64_t max, int64_t weight)
{
    t->node[t->d.node_count++] = (struct node){.parent = parent,
                                               .leaf = leaf,
                                               .aggregation = aggregation,
                                               .points_max = max,
                                               .weight = weight,
                                               .scale = MICRO};
    if (parent >= 0)
        t->node[parent].child_count++;
}

static int add_inner(struct tree *t, int parent, Parbus__Aggregation a, int64_t max, int64_t weight)
{
    add(t, parent, -1, a, max, weight);
    return (int)t->d.node_count - 1;
}

static int add_leaf(struct tree *t, int parent, int64_t max, int64_t weight, int64_t points)
{
    t->stage[t->d.leaf_count] = PARBUS__STAGE__STAGE_SELF;
    t->leaf_points[t->d.leaf_count] = points;
    add(t, parent, (int)t->d.leaf_count, SUM, max, weight);
    return (int)t->d.leaf_count++;
}

static int64_t score(struct tree *t)
{
    t->d.node = t->node;
    t->out = (struct unit_points){.points = t->points};
    score_unit(&t->d, t->stage, t->leaf_points, &t->out);
    return t->points[0];
}

/* Root with three leaves of 10 points. */
static struct tree three(Parbus__Aggregation a, Parbus__Missing missing, int64_t x, int64_t y, int64_t z)
{
    struct tree t = {.d.missing = missing};
    add_inner(&t, -1, a, a == SUM ? 30 * P : 10 * P, 0);
    add_leaf(&t, 0, 10 * P, 500000, x);
    add_leaf(&t, 0, 10 * P, 300000, y);
    add_leaf(&t, 0, 10 * P, 200000, z);
    return t;
}

Test(unit, aggregations_by_hand)
{
    static const struct {
        Parbus__Aggregation aggregation;
        int64_t x, y, z, expected;
    } table[] = {
        {SUM, 4 * P, 9 * P, 1 * P, 14 * P},
        {ARITHMETIC, 4 * P, 9 * P, 1 * P, 4900000},
        {GEOMETRIC, 4 * P, 9 * P, 1 * P, 3866364}, /* 2 * 9^0.3 = 2 * 1.9331820449317627... */
        {GEOMETRIC, 4 * P, 0, 1 * P, 0},
        {GEOMETRIC, 7 * P, 7 * P, 7 * P, 7 * P},
        {HARMONIC, 4 * P, 9 * P, 1 * P, 2790698}, /* 1 / (0.125 + 0.0333... + 0.2) = 2.790697674... */
        {HARMONIC, 4 * P, 0, 1 * P, 0},
        {HARMONIC, 3 * P, 3 * P, 3 * P, 3 * P},
        {LEAST, 4 * P, 9 * P, 1 * P, 1 * P},
        {LEAST, 4 * P, 9 * P, 0, 0},
        {ARITHMETIC, 1, 0, 0, 1}, /* half a micro-point goes up */
        {ARITHMETIC, 0, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct tree t = three(table[i].aggregation, INCOMPLETE, table[i].x, table[i].y, table[i].z);
        cr_expect_eq(score(&t), table[i].expected, "row %zu: %" PRId64, i, t.points[0]);
        cr_expect(t.out.complete && t.out.present);
    }
}

/* Provincial Competitiveness Index 2013, An Giang: sub-indices 0..10 as published by VCCI (pcivietnam.org), weights of
 * 2013-2016, PCI = 10 * weighted mean. Exactly 59.0731345, a tie at the sixth decimal; published as 59.07314. */
Test(unit, a_published_index)
{
    static const int64_t points[] = {7654158, 6408716, 5732105, 7811301, 6757804,
                                     7142783, 7589749, 5040185, 4902340, 5325434};
    static const int64_t percent[] = {5, 5, 20, 5, 10, 5, 5, 20, 20, 5};
    struct tree t = {0};
    add_inner(&t, -1, ARITHMETIC, 100 * P, 0);
    t.node[0].scale = 10 * MICRO;
    for (int i = 0; i < 10; i++)
        add_leaf(&t, 0, 10 * P, percent[i] * 10000, points[i]);
    cr_assert_eq(score(&t), 59073135);
    for (int i = 0; i < 10; i++)
        t.leaf_points[i] = 10 * P;
    cr_assert_eq(score(&t), 100 * P);
}

Test(unit, missing_makes_incomplete_or_zero_or_is_reweighted)
{
    static const struct {
        Parbus__Aggregation aggregation;
        int64_t incomplete, zero, reweight;
    } table[] = {
        {SUM, 13 * P, 13 * P, 19500000}, /* 13 of 20 stands for 30 */
        {ARITHMETIC, 4700000, 4700000, 5875000},
        {GEOMETRIC, 0, 0, 5421612}, /* exp((0.5 ln 4 + 0.3 ln 9) / 0.8) = 6^(3/4) * 4^(1/4)... = 5.42161 */
        {HARMONIC, 0, 0, 5052632},  /* 0.8 / (0.125 + 0.0333...) */
        {LEAST, 0, 0, 4 * P},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const int64_t expected[] = {table[i].incomplete, table[i].zero, table[i].reweight};
        for (int policy = INCOMPLETE; policy <= REWEIGHT; policy++) {
            struct tree t = three(table[i].aggregation, (Parbus__Missing)policy, 4 * P, 9 * P, 5 * P);
            t.stage[2] = 0;
            cr_expect_eq(score(&t), expected[policy], "row %zu, policy %d: %" PRId64, i, policy, t.points[0]);
            cr_expect_eq(t.out.complete, policy != INCOMPLETE);
            cr_expect(t.out.present);
        }
    }
}

Test(unit, nothing_present_is_never_complete)
{
    for (int policy = INCOMPLETE; policy <= REWEIGHT; policy++)
        for (int a = SUM; a <= LEAST; a++) {
            struct tree t = three((Parbus__Aggregation)a, (Parbus__Missing)policy, 4 * P, 9 * P, 5 * P);
            memset(t.stage, 0, sizeof t.stage);
            cr_expect_eq(score(&t), 0);
            cr_expect(!t.out.present && !t.out.complete);
            cr_expect_eq(t.out.appraised_share, 0);
        }
}

/* A whole area without a value is left out like a leaf without one. */
Test(unit, reweighting_goes_up_the_tree)
{
    struct tree t = {.d.missing = REWEIGHT};
    add_inner(&t, -1, SUM, 100 * P, 0);
    int a = add_inner(&t, 0, SUM, 60 * P, 0), b = add_inner(&t, 0, SUM, 40 * P, 0);
    add_leaf(&t, a, 30 * P, 0, 15 * P);
    int gone = add_leaf(&t, a, 30 * P, 0, 30 * P);
    int lost = add_leaf(&t, b, 40 * P, 0, 40 * P);
    t.stage[gone] = t.stage[lost] = 0;
    cr_assert_eq(score(&t), 50 * P);
    cr_assert_eq(t.points[a], 30 * P);
    cr_assert_eq(t.points[b], 0);
}

Test(unit, a_leaf_may_be_the_root)
{
    struct tree t = {0};
    add_leaf(&t, -1, 10 * P, 0, 7 * P);
    cr_assert_eq(score(&t), 7 * P);
    cr_assert(t.out.complete);
}

Test(unit, the_appraised_share_is_of_the_maximum)
{
    struct tree t = three(SUM, INCOMPLETE, P, P, P);
    score(&t);
    cr_assert_eq(t.out.appraised_share, 0);
    t.stage[0] = PARBUS__STAGE__STAGE_APPRAISED_1;
    score(&t);
    cr_assert_eq(t.out.appraised_share, 333333);
    t.stage[1] = PARBUS__STAGE__STAGE_APPRAISED_2, t.stage[2] = PARBUS__STAGE__STAGE_SURVEY;
    score(&t);
    cr_assert_eq(t.out.appraised_share, MICRO);
    /* With weights it is the weight that counts, not the points. */
    t = three(ARITHMETIC, INCOMPLETE, P, P, P);
    t.node[0].scale = 10 * MICRO, t.node[0].points_max = 100 * P;
    t.stage[1] = PARBUS__STAGE__STAGE_APPRAISED_1;
    score(&t);
    cr_assert_eq(t.out.appraised_share, 300000);
    /* Not even rounding makes a whole of what is not. */
    t = three(ARITHMETIC, INCOMPLETE, 0, 0, 0);
    for (int i = 0; i < 4; i++)
        t.node[i].points_max = P / 10;
    t.node[2].weight = 499999, t.node[3].weight = 1;
    t.stage[0] = t.stage[1] = PARBUS__STAGE__STAGE_APPRAISED_1;
    score(&t);
    cr_assert_eq(t.out.appraised_share, MICRO - 1);
    t = three(LEAST, INCOMPLETE, P, P, P);
    t.stage[1] = PARBUS__STAGE__STAGE_APPRAISED_1;
    score(&t);
    cr_assert_eq(t.out.appraised_share, 333333);
}

/* --- properties over random trees --- */

static uint64_t random_state = 1;
static uint64_t random_below(uint64_t n) { return hash_mix(random_state += 0x9e3779b97f4a7c15ull) % n; }

/* Two levels; children of means have 10 points and weights that add up to 1. */
static struct tree random_tree(Parbus__Missing missing)
{
    struct tree t = {.d.missing = missing};
    int areas = 1 + (int)random_below(5);
    add_inner(&t, -1, SUM, areas * 10 * P, 0);
    for (int i = 0; i < areas; i++) {
        Parbus__Aggregation a = (Parbus__Aggregation)random_below(LEAST + 1);
        int inner = add_inner(&t, 0, a, 10 * P, 0), leaves = 1 + (int)random_below(6);
        int64_t left = MICRO;
        for (int k = 0; k < leaves; k++) {
            int64_t weight = k == leaves - 1 ? left : 1 + (int64_t)random_below((uint64_t)left / 2);
            left -= weight;
            int64_t max = a == SUM ? 10 * P / leaves + (k == 0 ? 10 * P % leaves : 0) : 10 * P;
            int leaf = add_leaf(&t, inner, max, weight, (int64_t)random_below((uint64_t)max + 1));
            t.stage[leaf] = random_below(8) ? PARBUS__STAGE__STAGE_SELF : 0;
        }
    }
    return t;
}

/* The handbook's formulas read off the tree from above, in the C library's own logarithms. */
static long double naive(const struct tree *t, size_t at, bool *present)
{
    const struct node *n = &t->node[at];
    if (n->leaf >= 0) {
        *present = t->stage[n->leaf] != 0;
        return *present ? t->leaf_points[n->leaf] : 0;
    }
    long double sum = 0, maxima = 0, weights = 0, weighted = 0, product = 1, reciprocals = 0, least = INFINITY;
    *present = false;
    for (size_t i = at + 1; i < t->d.node_count; i++) {
        bool there;
        if (t->node[i].parent != (int)at)
            continue;
        long double x = naive(t, i, &there), w = t->node[i].weight;
        *present |= there;
        if (!there && t->d.missing == REWEIGHT)
            continue;
        sum += x, maxima += t->node[i].points_max, weights += w, weighted += w * x;
        product *= powl(x, w / MICRO), reciprocals += w / x, least = fminl(least, x);
    }
    const long double by[] = {[SUM] = sum / maxima * n->points_max,
                              [ARITHMETIC] = weighted / weights,
                              [GEOMETRIC] = powl(product, MICRO / weights),
                              [HARMONIC] = isinf(reciprocals) ? 0 : weights / reciprocals,
                              [LEAST] = least};
    return *present ? by[n->aggregation] : 0;
}

Test(unit, any_tree_agrees_with_the_formulas)
{
    for (int i = 0; i < 20000; i++) {
        struct tree t = random_tree((Parbus__Missing)random_below(3));
        bool present;
        long double expected = naive(&t, 0, &present);
        /* Each inner node rounds once. */
        cr_assert_leq(fabsl((long double)score(&t) - expected), 5, "%" PRId64 " against %Lf", t.points[0], expected);
        cr_assert_eq(t.out.present, present);
    }
}

Test(unit, any_tree_stays_within_its_maximum)
{
    for (int i = 0; i < 20000; i++) {
        struct tree t = random_tree((Parbus__Missing)random_below(3));
        score(&t);
        for (size_t k = 0; k < t.d.node_count; k++)
            cr_assert(t.points[k] >= 0 && t.points[k] <= t.node[k].points_max);
    }
}

Test(unit, more_points_of_a_leaf_are_never_less_of_the_whole)
{
    for (int i = 0; i < 20000; i++) {
        struct tree t = random_tree((Parbus__Missing)random_below(3));
        int64_t before = score(&t);
        size_t at = random_below(t.d.node_count);
        if (t.node[at].leaf < 0)
            continue;
        int64_t *points = &t.leaf_points[t.node[at].leaf];
        *points += (int64_t)random_below((uint64_t)(t.node[at].points_max - *points) + 1);
        cr_assert_geq(score(&t), before);
    }
}

Test(unit, harmonic_geometric_arithmetic_mean_are_in_this_order)
{
    for (int i = 0; i < 20000; i++) {
        int64_t x[3];
        for (int k = 0; k < 3; k++)
            x[k] = (int64_t)random_below(10 * P + 1);
        struct tree h = three(HARMONIC, ZERO, x[0], x[1], x[2]), g = three(GEOMETRIC, ZERO, x[0], x[1], x[2]),
                    a = three(ARITHMETIC, ZERO, x[0], x[1], x[2]);
        cr_assert_leq(score(&h), score(&g));
        cr_assert_leq(g.points[0], score(&a));
    }
}

Test(unit, means_of_equal_parts_are_the_part)
{
    for (int i = 0; i < 20000; i++) {
        int64_t x = (int64_t)random_below(10 * P + 1);
        for (int a = ARITHMETIC; a <= LEAST; a++) {
            struct tree t = three((Parbus__Aggregation)a, ZERO, x, x, x);
            cr_assert_eq(score(&t), x);
        }
    }
}

Test(unit, policies_differ_only_where_something_is_missing)
{
    for (int i = 0; i < 5000; i++) {
        struct tree t = random_tree(INCOMPLETE);
        memset(t.stage, PARBUS__STAGE__STAGE_SELF, sizeof t.stage);
        int64_t score_incomplete = score(&t);
        cr_assert(t.out.complete);
        t.d.missing = REWEIGHT;
        cr_assert_eq(score(&t), score_incomplete);
        t.d.missing = ZERO;
        cr_assert_eq(score(&t), score_incomplete);
    }
}
