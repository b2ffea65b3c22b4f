#include "tests/sim/sim_catalog.h"
#include "base/err.h"

#define POINTS(n) ((int64_t)((n)*1000000))

const struct sim_index sim_index_table[SIM_INDICES] = {
    {.code = "alpha",
     .stages = 1u << 1 | 1u << 2,
     .units = SIM_UNITS,
     .published = 2,
     .node_count = 5,
     .leaf_count = 3,
     .node = {{1, -1, -1, "alpha", POINTS(20), PARBUS__RULE_KIND__RULE_NONE, 0, 0, 0, 0},
              {2, 0, -1, "a", POINTS(12), PARBUS__RULE_KIND__RULE_NONE, 0, 0, 0, 0},
              {3, 1, 0, "a1", POINTS(5), PARBUS__RULE_KIND__RULE_POINTS, 1000, 0, 5, 0},
              {4, 1, 1, "a2", POINTS(7), PARBUS__RULE_KIND__RULE_CHECKLIST, 1, 0, 3, 3},
              {7, 0, 2, "b", POINTS(8), PARBUS__RULE_KIND__RULE_LINEAR, 10, 0, 40, 30}},
     .top = {1, 4}},
    {.code = "beta",
     .zero_when_missing = true,
     .stages = 1u << 1,
     .units = 4,
     .published = 3,
     .node_count = 3,
     .leaf_count = 2,
     .node = {{1, -1, -1, "beta", POINTS(10), PARBUS__RULE_KIND__RULE_NONE, 0, 0, 0, 0},
              {2, 0, 0, "s", POINTS(6), PARBUS__RULE_KIND__RULE_STEPS, 1, 0, 100, 0},
              {3, 0, 1, "d", POINTS(4), PARBUS__RULE_KIND__RULE_DEDUCT, 4, 0, 10, 750000}},
     .top = {1, 2}},
};

const struct sim_series sim_series_table[SIM_SERIES + 1] = {
    [1] = {0, "2025", 4}, [2] = {1, "2025", 5}, [3] = {0, "2026", 6}};

const int sim_step_at[SIM_STEPS] = {10, 50, 90};
const int64_t sim_step_points[SIM_STEPS] = {POINTS(2), POINTS(4.5), POINTS(6)};

const struct sim_name sim_name_table[SIM_NAMES] = {{"U1", 1},
                                                   {"U2", 2},
                                                   {"U3", 3},
                                                   {"U4", 4},
                                                   {"U5", 5},
                                                   {"U6", 6},
                                                   {"First Unit", 1},
                                                   {"Second Unit", 2},
                                                   {"Third Unit", 3},
                                                   {"Fourth Unit", 4},
                                                   {"Fifth Unit", 5},
                                                   {"Sixth Unit", 6},
                                                   {"alias-1", 1},
                                                   {"alias-2", 2},
                                                   {"alias-3", 3},
                                                   {"alias-4", 4},
                                                   {"twin", SIM_AMBIGUOUS},
                                                   {"nowhere", 0},
                                                   {"U1", 1},
                                                   {"U2", 2}};

const char *sim_topic(uint32_t series)
{
    static const char *const topics[SIM_SERIES + 1] = {"", "alpha/2025", "beta/2025", "alpha/2026"};
    return topics[series];
}

/* ---- control records ---- */

static void make_registry(Parbus__Control *out)
{
    static Parbus__Registry registry;
    static Parbus__Unit unit[SIM_UNITS], *pointer[SIM_UNITS];
    static char *alias[SIM_UNITS][1] = {{"alias-1"}, {"alias-2"}, {"alias-3"}, {"alias-4"}, {"twin"}, {"twin"}};
    parbus__registry__init(&registry);
    registry.code = "units";
    registry.has_version = 1;
    registry.version = 1;
    registry.title = "Units";
    registry.source = "the simulator";
    registry.n_unit = SIM_UNITS;
    registry.unit = pointer;
    for (uint32_t i = 0; i < SIM_UNITS; i++) {
        parbus__unit__init(&unit[i]);
        unit[i].has_id = 1;
        unit[i].id = i + 1;
        unit[i].code = (char *)sim_name_table[i].text;
        unit[i].name = (char *)sim_name_table[SIM_UNITS + i].text;
        unit[i].n_alias = 1;
        unit[i].alias = alias[i];
        pointer[i] = &unit[i];
    }
    out->body_case = PARBUS__CONTROL__BODY_REGISTRY;
    out->registry = &registry;
}

static void make_rule(const struct sim_node *n, Parbus__Rule *rule)
{
    static double step_at[SIM_STEPS];
    parbus__rule__init(rule);
    rule->has_kind = rule->has_value_min = rule->has_value_max = 1;
    rule->kind = n->rule;
    rule->value_min = n->value_min;
    rule->value_max = n->value_max;
    rule->has_items = n->rule == PARBUS__RULE_KIND__RULE_CHECKLIST;
    rule->items = rule->has_items ? (uint32_t)n->parameter : 0;
    rule->has_from = rule->has_to = n->rule == PARBUS__RULE_KIND__RULE_LINEAR;
    rule->to = rule->has_to ? n->parameter : 0;
    rule->has_per_unit = n->rule == PARBUS__RULE_KIND__RULE_DEDUCT;
    rule->per_unit = rule->has_per_unit ? n->parameter / 1e6 : 0;
    if (n->rule != PARBUS__RULE_KIND__RULE_STEPS)
        return;
    for (int i = 0; i < SIM_STEPS; i++)
        step_at[i] = sim_step_at[i];
    rule->n_step_at = rule->n_step_points = SIM_STEPS;
    rule->step_at = step_at;
    rule->step_points = (int64_t *)sim_step_points;
}

static void make_node(const struct sim_node *n, Parbus__Node *out, Parbus__Rule *rule)
{
    parbus__node__init(out);
    out->has_id = out->has_parent = out->has_points_max = 1;
    out->id = n->id;
    out->parent = n->parent;
    out->code = out->title_vi = out->title_en = (char *)n->code;
    out->points_max = n->max;
    if (n->leaf < 0)
        return;
    make_rule(n, rule);
    out->rule = rule;
}

static void make_definition(const struct sim_index *index, Parbus__Control *out)
{
    static Parbus__Definition d;
    static Parbus__Node node[SIM_NODES_MAX], *pointer[SIM_NODES_MAX];
    static Parbus__Rule rule[SIM_NODES_MAX];
    static Parbus__Stage stage[4];
    static uint32_t cohort[SIM_UNITS];
    parbus__definition__init(&d);
    d.index = d.title_vi = d.title_en = (char *)index->code;
    d.has_version = d.has_registry_version = d.has_missing = d.has_decimals = 1;
    d.version = d.registry_version = 1;
    d.status = "illustrative";
    d.source = "the simulator";
    d.registry = "units";
    d.period_kind = "year";
    d.decimals = 2;
    d.missing = index->zero_when_missing ? PARBUS__MISSING__MISSING_ZERO : PARBUS__MISSING__MISSING_INCOMPLETE;
    for (unsigned i = 1; i <= 4; i++)
        if (index->stages >> i & 1)
            stage[d.n_stage++] = (Parbus__Stage)i;
    d.stage = stage;
    for (d.n_cohort = 0; d.n_cohort < index->units; d.n_cohort++)
        cohort[d.n_cohort] = (uint32_t)d.n_cohort + 1;
    d.cohort = cohort;
    for (int i = 0; i < index->node_count; i++) {
        make_node(&index->node[i], &node[i], &rule[i]);
        pointer[i] = &node[i];
    }
    d.n_node = (size_t)index->node_count;
    d.node = pointer;
    out->body_case = PARBUS__CONTROL__BODY_DEFINITION;
    out->definition = &d;
}

static void make_period(uint32_t number, Parbus__Control *out)
{
    static Parbus__PeriodOpened opened;
    const struct sim_series *series = &sim_series_table[number];
    parbus__period_opened__init(&opened);
    opened.has_series = opened.has_version = 1;
    opened.series = number;
    opened.version = 1;
    opened.index = (char *)sim_index_table[series->index].code;
    opened.period = (char *)series->period;
    out->body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    out->period_opened = &opened;
}

void sim_control(uint32_t number, Parbus__Control *out)
{
    parbus__control__init(out);
    if (number == 1) {
        make_registry(out);
        return;
    }
    for (int i = 0; i < SIM_INDICES; i++)
        if (sim_index_table[i].published == number)
            make_definition(&sim_index_table[i], out);
    for (uint32_t i = 1; i <= SIM_SERIES; i++)
        if (sim_series_table[i].opened == number)
            make_period(i, out);
}
