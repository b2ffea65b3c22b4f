/* The rules by which a value becomes points. Kinds: circulars on the PAR index score results as a share of a target, by
 * steps, by lists of things done, by deduction and by survey; goalposts as in OECD/JRC, "Handbook on Constructing
 * Composite Indicators" (2008), step 5 (distance to a reference), which for goalposts given beforehand is min-max
 * without a cohort. */
#include "base/err.h"
#include "scoring/exact.h"
#include "scoring/scoring.h"

typedef int64_t leaf_rule(const struct node *leaf, double value);

static int64_t within(const struct node *leaf, int64_t points)
{
    return points < 0 ? 0 : points > leaf->points_max ? leaf->points_max : points;
}

/* 0 at `from` and beyond, points_max at `to` and beyond, a straight line between. */
static int64_t between(const struct node *leaf, double value, double from, double to)
{
    bool rising = from < to;
    if (rising ? value <= from : value >= from)
        return 0;
    if (rising ? value >= to : value <= to)
        return leaf->points_max;
    return exact_proportion(leaf->points_max, value, from, to);
}

static int64_t none(const struct node *leaf, double value)
{
    (void)leaf, (void)value;
    return 0;
}

/* The value is the points. */
static int64_t points(const struct node *leaf, double value) { return within(leaf, points_round(value)); }

/* points_max * value / target; nothing below the floor. */
static int64_t ratio(const struct node *leaf, double value)
{
    return value < leaf->rule.floor ? 0 : between(leaf, value, 0, leaf->rule.target);
}

/* points_max * (value - from) / (to - from). */
static int64_t linear(const struct node *leaf, double value)
{
    return between(leaf, value, leaf->rule.from, leaf->rule.to);
}

/* The points of the highest step that the value has reached. */
static int64_t steps(const struct node *leaf, double value)
{
    const struct rule *r = &leaf->rule;
    size_t reached = 0;
    while (reached < r->step_count && r->step_at[reached] <= value)
        reached++;
    return reached ? within(leaf, r->step_points[reached - 1]) : 0;
}

/* points_max * fulfilled / items. */
static int64_t checklist(const struct node *leaf, double value) { return between(leaf, value, 0, leaf->rule.items); }

/* points_max - per_unit * value. */
static int64_t deduct(const struct node *leaf, double value)
{
    int64_t taken = exact_product(leaf->rule.per_unit, value);
    return taken <= 0 ? leaf->points_max : within(leaf, leaf->points_max - taken);
}

/* The mean of the answers on their scale: its goalposts, or where none are given its ends. */
static int64_t survey(const struct node *leaf, double value)
{
    const struct rule *r = &leaf->rule;
    return r->from != r->to ? between(leaf, value, r->from, r->to) : between(leaf, value, r->value_min, r->value_max);
}

int64_t score_leaf(const struct node *leaf, double value)
{
    static leaf_rule *const rules[] = {
        [PARBUS__RULE_KIND__RULE_NONE] = none,     [PARBUS__RULE_KIND__RULE_POINTS] = points,
        [PARBUS__RULE_KIND__RULE_RATIO] = ratio,   [PARBUS__RULE_KIND__RULE_LINEAR] = linear,
        [PARBUS__RULE_KIND__RULE_STEPS] = steps,   [PARBUS__RULE_KIND__RULE_CHECKLIST] = checklist,
        [PARBUS__RULE_KIND__RULE_DEDUCT] = deduct, [PARBUS__RULE_KIND__RULE_SURVEY] = survey,
    };
    ASSERT((size_t)leaf->rule.kind < sizeof rules / sizeof *rules);
    return rules[leaf->rule.kind](leaf, value);
}
