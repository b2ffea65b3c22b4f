#include "catalog/check_rule.h"
#include "catalog/catalog.h"
#include <math.h>

typedef void rule_check(const struct check *c, const Parbus__Node *n, size_t position);

enum { ITEMS_MAX = 1000000 };

static void check_ratio(const struct check *c, const Parbus__Node *n, size_t i)
{
    if (!isfinite(n->rule->target) || n->rule->target <= 0)
        check_fault(c, CHECK_NODE, i, "target", "target must be more than 0");
    else if (!(n->rule->floor >= 0) || n->rule->floor > n->rule->target)
        check_fault(c, CHECK_NODE, i, "floor", "floor must be 0 to the target, %g", n->rule->target);
}

static void check_goalposts(const struct check *c, const Parbus__Node *n, size_t i)
{
    const Parbus__Rule *r = n->rule;
    if (!isfinite(r->from) || !isfinite(r->to) || r->from == r->to)
        check_fault(c, CHECK_NODE, i, "to", "from and to must be two different numbers");
}

/* Without goalposts the answers' scale is the range. */
static void check_survey(const struct check *c, const Parbus__Node *n, size_t i)
{
    if (n->rule->has_from || n->rule->has_to)
        check_goalposts(c, n, i);
}

static void check_steps(const struct check *c, const Parbus__Node *n, size_t i)
{
    const Parbus__Rule *r = n->rule;
    if (!r->n_step_at || r->n_step_at != r->n_step_points) {
        check_fault(c, CHECK_NODE, i, "steps", "steps need at least one pair [from value on, points]");
        return;
    }
    for (size_t k = 0; k < r->n_step_at; k++) {
        if (!isfinite(r->step_at[k]) || (k && r->step_at[k] <= r->step_at[k - 1]))
            check_fault(c, CHECK_NODE, i, "steps", "steps are not ascending: %g after %g", r->step_at[k],
                        k ? r->step_at[k - 1] : 0.0);
        if (r->step_points[k] < 0 || r->step_points[k] > n->points_max)
            check_fault(c, CHECK_NODE, i, "steps", "the points of step %g are not within 0 and max", r->step_at[k]);
    }
}

static void check_checklist(const struct check *c, const Parbus__Node *n, size_t i)
{
    if (n->rule->items < 1 || n->rule->items > ITEMS_MAX)
        check_fault(c, CHECK_NODE, i, "items", "items must be a number from 1 to %d", ITEMS_MAX);
}

static void check_deduct(const struct check *c, const Parbus__Node *n, size_t i)
{
    if (!isfinite(n->rule->per_unit) || n->rule->per_unit <= 0)
        check_fault(c, CHECK_NODE, i, "per_unit", "per_unit must be more than 0");
}

static void check_nothing(const struct check *c, const Parbus__Node *n, size_t i) { (void)c, (void)n, (void)i; }

static rule_check *const checks[] = {
    [PARBUS__RULE_KIND__RULE_POINTS] = check_nothing,      [PARBUS__RULE_KIND__RULE_RATIO] = check_ratio,
    [PARBUS__RULE_KIND__RULE_LINEAR] = check_goalposts,    [PARBUS__RULE_KIND__RULE_STEPS] = check_steps,
    [PARBUS__RULE_KIND__RULE_CHECKLIST] = check_checklist, [PARBUS__RULE_KIND__RULE_DEDUCT] = check_deduct,
    [PARBUS__RULE_KIND__RULE_SURVEY] = check_survey,
};

static bool has_children(const Parbus__Definition *d, size_t position)
{
    for (size_t i = position + 1; i < d->n_node; i++)
        if ((size_t)d->node[i]->parent == position)
            return true;
    return false;
}

void check_rule(const struct check *c, const Parbus__Definition *d, size_t position)
{
    const Parbus__Node *n = d->node[position];
    Parbus__RuleKind kind = n->rule ? n->rule->kind : PARBUS__RULE_KIND__RULE_NONE;
    bool inner = has_children(d, position);
    if (inner && kind != PARBUS__RULE_KIND__RULE_NONE)
        check_fault(c, CHECK_NODE, position, "rule", "a node with children has no rule of its own");
    if (inner || (!position && kind == PARBUS__RULE_KIND__RULE_NONE))
        return;
    if (kind == PARBUS__RULE_KIND__RULE_NONE || (size_t)kind >= sizeof checks / sizeof *checks) {
        check_fault(c, CHECK_NODE, position, "rule", "an indicator needs a rule");
        return;
    }
    checks[kind](c, n, position);
    if (!isfinite(n->rule->value_min) || !isfinite(n->rule->value_max) || n->rule->value_min >= n->rule->value_max)
        check_fault(c, CHECK_NODE, position, "range", "range must be two numbers, the smaller one first");
}
