/* From values to points, against tables made by hand and against independent arithmetic: decimal digits as printed by
 * the C library (which prints doubles exactly), and cross-multiplied 128-bit integers. */
#include "base/bytes.h"
#include "scoring/mean.h"
#include "scoring/scoring.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state;

static uint64_t random_bits(void) { return hash_mix(random_state += 0x9e3779b97f4a7c15ull); }
static uint64_t random_below(uint64_t n) { return random_bits() % n; }
static double random_double(int exponent_least, int exponent_most)
{
    double mantissa = 1 + (double)(random_bits() >> 12) * 0x1p-52;
    return ldexp(mantissa, exponent_least + (int)random_below((uint64_t)(exponent_most - exponent_least)));
}

/* --- rounding --- */

/* Decimal digits: shifts the point by six, then looks at the seventh digit. */
static int64_t rounded_by_digits(double points)
{
    char digits[1500];
    snprintf(digits, sizeof digits, "%.1100f", fabs(points));
    char *point = strchr(digits, '.');
    int64_t micro = 0;
    for (char *p = digits; p < point + 7; p++)
        if (*p != '.')
            micro = micro * 10 + (*p - '0');
    micro += point[7] >= '5';
    return points < 0 ? -micro : micro;
}

Test(points, rounding_is_that_of_decimal_digits)
{
    for (int i = 0; i < 20000; i++) {
        double x = random_double(-60, 42) * (random_below(2) ? 1 : -1);
        cr_assert_eq(points_round(x), rounded_by_digits(x), "%a", x);
    }
}

Test(points, rounding_of_printed_decimals)
{
    for (int i = 0; i < 20000; i++) {
        int64_t micro = (int64_t)random_below(1000000000000ull);
        double x = (double)micro / 1e6;
        cr_assert_eq(points_round(x), micro, "%a", x);
    }
}

Test(points, ties_go_away_from_zero)
{
    /* Odd multiples of 2^-7 points are multiples of 7812.5 micro-points. */
    for (int64_t k = -1001; k <= 1001; k += 2)
        cr_assert_eq(points_round((double)k / 128), (k * 15625 + (k > 0 ? 1 : -1)) / 2, "%" PRId64, k);
}

Test(points, rounding_at_the_ends)
{
    cr_assert_eq(points_round(0), 0);
    cr_assert_eq(points_round(-0.0), 0);
    cr_assert_eq(points_round(0x1p-1074), 0);
    cr_assert_eq(points_round(0.0000005), rounded_by_digits(0.0000005));
    cr_assert_eq(points_round(1e300), INT64_MAX);
    cr_assert_eq(points_round(-1e300), -INT64_MAX);
    cr_assert_eq(points_round(NAN), 0);
    cr_assert_eq(points_round(9e12), 9000000000000000000);
}

/* --- leaves --- */

static struct node leaf_of(Parbus__RuleKind kind, double points_max)
{
    return (struct node){.points_max = points_round(points_max), .rule = {.kind = kind}};
}

struct expectation {
    double value, points;
};
static void expect_points(const struct node *leaf, const struct expectation *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(score_leaf(leaf, expected[i].value), points_round(expected[i].points),
                     "value %g: %" PRId64 " micro-points, expected %g points", expected[i].value,
                     score_leaf(leaf, expected[i].value), expected[i].points);
}
#define EXPECT(leaf, ...)                                                                                              \
    expect_points(leaf, (const struct expectation[]){__VA_ARGS__},                                                     \
                  sizeof((const struct expectation[]){__VA_ARGS__}) / sizeof(struct expectation))

Test(leaf, points_are_taken_as_they_are)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_POINTS, 18);
    EXPECT(&n, {0, 0}, {17.53, 17.53}, {18, 18}, {18.01, 18}, {-1, 0});
}

Test(leaf, ratio_to_a_target_with_a_floor)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_RATIO, 2);
    n.rule.target = 80, n.rule.floor = 40;
    EXPECT(&n, {0, 0}, {39.999, 0}, {40, 1}, {60, 1.5}, {79, 1.975}, {80, 2}, {100, 2});
    n.rule.floor = 0, n.rule.target = 3;
    EXPECT(&n, {1, 0.666667}, {2, 1.333333}, {3, 2}, {-1, 0});
}

Test(leaf, linear_between_goalposts_in_either_direction)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_LINEAR, 10);
    n.rule.from = -5, n.rule.to = 15;
    EXPECT(&n, {-6, 0}, {-5, 0}, {0, 2.5}, {5, 5}, {15, 10}, {99, 10});
    n.rule.from = 30, n.rule.to = 0;
    EXPECT(&n, {31, 0}, {30, 0}, {10, 6.666667}, {20, 3.333333}, {0, 10}, {-1, 10});
}

Test(leaf, steps_are_reached_at_their_lower_bound)
{
    static const double at[] = {50, 70, 90};
    static const int64_t points[] = {500000, 1000000, 2000000};
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_STEPS, 2);
    n.rule.step_count = 3, n.rule.step_at = at, n.rule.step_points = points;
    EXPECT(&n, {0, 0}, {49.999, 0}, {50, 0.5}, {69.9, 0.5}, {70, 1}, {90, 2}, {1000, 2});
}

Test(leaf, checklist_counts_what_is_fulfilled)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_CHECKLIST, 1);
    n.rule.items = 3;
    EXPECT(&n, {0, 0}, {1, 0.333333}, {2, 0.666667}, {3, 1}, {4, 1});
}

Test(leaf, deduction_stops_at_zero)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_DEDUCT, 1.5);
    n.rule.per_unit = 0.25;
    EXPECT(&n, {0, 1.5}, {1, 1.25}, {6, 0}, {7, 0}, {1e300, 0});
    n.rule.per_unit = 0.1;
    EXPECT(&n, {3, 1.2});
}

Test(leaf, survey_is_linear_over_its_scale)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_SURVEY, 4);
    n.rule.value_min = 1, n.rule.value_max = 5;
    EXPECT(&n, {1, 0}, {3, 2}, {4.37, 3.37}, {5, 4});
    n.rule.from = 5, n.rule.to = 1;
    EXPECT(&n, {1, 4}, {5, 0});
}

/* 2 n p against (2 r - 1) d and (2 r + 1) d: r is p n / d rounded half up, whatever the size of the numbers. */
static bool is_rounded_quotient(__int128 n, __int128 d, int64_t p, int64_t r)
{
    return 2 * n * p >= (2 * (__int128)r - 1) * d && 2 * n * p < (2 * (__int128)r + 1) * d;
}

Test(leaf, a_proportion_is_exact)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_LINEAR, 0);
    for (int i = 0; i < 200000; i++) {
        int bits = 3 + (int)random_below(38);
        int64_t from = (int64_t)random_below(1ull << bits), span = 2 + (int64_t)random_below(1ull << bits);
        int64_t value = from + 1 + (int64_t)random_below((uint64_t)span - 1);
        bool falling = random_below(2);
        n.points_max = 1 + (int64_t)random_below(1ull << (2 + random_below(38)));
        n.rule.from = (double)(falling ? from + span : from) / 4096,
        n.rule.to = (double)(falling ? from : from + span) / 4096;
        int64_t got = score_leaf(&n, (double)value / 4096);
        int64_t part = falling ? from + span - value : value - from;
        cr_assert(is_rounded_quotient(part, span, n.points_max, got), "%" PRId64 " of %" PRId64, part, span);
    }
}

/* value - from has more bits than a double. */
Test(leaf, a_proportion_is_exact_where_differences_are_not)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_LINEAR, 0);
    for (int i = 0; i < 200000; i++) {
        int64_t from = (int64_t)random_below(1ull << 50), value = 8 + (int64_t)random_below(1000);
        int64_t to = value + 1 + (int64_t)random_below(1000);
        n.points_max = 1 + (int64_t)random_below(1ull << 40);
        n.rule.from = ldexp((double)from, -58), n.rule.to = ldexp((double)to, -10);
        int64_t got = score_leaf(&n, ldexp((double)value, -10));
        cr_assert(is_rounded_quotient((value << 48) - from, ((__int128)to << 48) - from, n.points_max, got),
                  "from %" PRId64 " value %" PRId64 " to %" PRId64, from, value, to);
    }
}

Test(leaf, a_tie_goes_up)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_RATIO, 0);
    for (int i = 0; i < 20000; i++) {
        double whole = random_double(-10, 10);
        n.points_max = 1 + 2 * (int64_t)random_below(1ull << 38);
        n.rule.target = 2 * whole;
        cr_assert_eq(score_leaf(&n, whole), (n.points_max + 1) / 2, "%a of %a", whole, n.rule.target);
    }
}

/* Any doubles, with all their 53 bits. */
Test(leaf, a_ratio_is_exact)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_RATIO, 0);
    for (int i = 0; i < 200000; i++) {
        double target = random_double(0, 1), value = random_double(-12, 0);
        n.points_max = 1 + (int64_t)random_below(1ull << 40);
        n.rule.target = target;
        int64_t value_whole = (int64_t)ldexp(value, 64 - 1), target_whole = (int64_t)ldexp(target, 52);
        __int128 d = (__int128)target_whole << 11;
        /* 2 n p may need 104 bits, 2 r d as many. */
        cr_assert(is_rounded_quotient(value_whole, d, n.points_max, score_leaf(&n, value)), "%a of %a", value, target);
    }
}

Test(leaf, more_is_never_less)
{
    struct node n = leaf_of(PARBUS__RULE_KIND__RULE_LINEAR, 7.3);
    n.rule.from = 0.1, n.rule.to = 99.7;
    int64_t before = 0;
    for (double value = 0; value <= 100; value += 0.0137) {
        int64_t points = score_leaf(&n, value);
        cr_assert_geq(points, before);
        before = points;
    }
    cr_assert_eq(before, n.points_max);
}

/* --- logarithm and exponential --- */

Test(mean, series_agree_with_the_c_library)
{
    for (int i = 0; i < 20000; i++) {
        long double x = (long double)random_double(-20, 45);
        cr_assert_leq(fabsl(mean_ln(x) - logl(x)), 0x1p-58L * fmaxl(1, fabsl(logl(x))), "ln %La", x);
        long double y = (long double)random_double(-20, 6) * (random_below(2) ? 1 : -1);
        cr_assert_leq(fabsl(mean_exp(y) / expl(y) - 1), 0x1p-56L, "exp %La", y);
    }
    cr_assert_eq(mean_ln(1), 0);
    cr_assert_eq(mean_exp(0), 1);
}

/* --- text --- */

Test(text, points_are_printed_rounded)
{
    static const struct {
        int64_t micro;
        unsigned decimals;
        const char *text;
    } table[] = {
        {91640000, 2, "91.64"},
        {0, 0, "0"},
        {0, 2, "0.00"},
        {5000, 2, "0.01"},
        {4999, 2, "0.00"},
        {-5000, 2, "-0.01"},
        {-4999, 2, "0.00"},
        {999999, 0, "1"},
        {499999, 0, "0"},
        {1, 6, "0.000001"},
        {99995000, 2, "100.00"},
        {88370000, 1, "88.4"},
        {88350000, 1, "88.4"},
        {-88350000, 1, "-88.4"},
        {1234567, 9, "1.234567"},
        {INT64_MAX, 6, "9223372036854.775807"},
        {INT64_MIN, 6, "-9223372036854.775808"},
        {INT64_MIN, 0, "-9223372036855"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[POINTS_TEXT_BYTES];
        points_format(table[i].micro, table[i].decimals, text);
        cr_expect_str_eq(text, table[i].text);
    }
}

Test(text, six_decimals_lose_nothing)
{
    for (int i = 0; i < 20000; i++) {
        int64_t micro = (int64_t)random_below(1ull << 45) - (1ll << 44);
        char text[POINTS_TEXT_BYTES];
        points_format(micro, 6, text);
        cr_assert_eq(points_round(strtod(text, NULL)), micro, "%s", text);
    }
}

Test(text, values_are_printed_as_short_as_they_read_back)
{
    static const struct {
        double value;
        const char *text;
    } table[] = {{0.1, "0.1"},
                 {91.64, "91.64"},
                 {100, "100"},
                 {-0.0, "0"},
                 {1.0 / 3, "0.3333333333333333"},
                 {1e300, "1e+300"},
                 {123456789, "123456789"},
                 {5e-324, "5e-324"},
                 {0.1 + 0.2, "0.30000000000000004"}};
    char text[VALUE_TEXT_BYTES];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        value_format(table[i].value, text);
        cr_expect_str_eq(text, table[i].text);
    }
    for (int i = 0; i < 20000; i++) {
        double value = random_double(-900, 900);
        value_format(value, text);
        cr_assert_eq(strtod(text, NULL), value, "%s", text);
    }
}
