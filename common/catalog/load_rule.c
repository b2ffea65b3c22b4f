#include "catalog/loader.h"
#include "catalog/words.h"

static void target(struct source *s, yaml_node_t *v, void *r)
{
    ((Parbus__Rule *)r)->has_target = read_double(s, v, &((Parbus__Rule *)r)->target);
}
static void least(struct source *s, yaml_node_t *v, void *r)
{
    ((Parbus__Rule *)r)->has_floor = read_double(s, v, &((Parbus__Rule *)r)->floor);
}
static void from(struct source *s, yaml_node_t *v, void *r)
{
    ((Parbus__Rule *)r)->has_from = read_double(s, v, &((Parbus__Rule *)r)->from);
}
static void to(struct source *s, yaml_node_t *v, void *r)
{
    ((Parbus__Rule *)r)->has_to = read_double(s, v, &((Parbus__Rule *)r)->to);
}
static void items(struct source *s, yaml_node_t *v, void *r)
{
    ((Parbus__Rule *)r)->has_items = read_u32(s, v, &((Parbus__Rule *)r)->items);
}
static void per_unit(struct source *s, yaml_node_t *v, void *r)
{
    ((Parbus__Rule *)r)->has_per_unit = read_double(s, v, &((Parbus__Rule *)r)->per_unit);
}

static void range(struct source *s, yaml_node_t *v, void *object)
{
    Parbus__Rule *r = object;
    if (sequence_count(s, v) != 2) {
        source_fault(s, v, "range is a list of two numbers: [least, greatest]");
        return;
    }
    r->has_value_min = read_double(s, sequence_item(s, v, 0), &r->value_min);
    r->has_value_max = read_double(s, sequence_item(s, v, 1), &r->value_max);
}

static void step(struct source *s, yaml_node_t *pair, Parbus__Rule *r)
{
    double at;
    int64_t points;
    if (sequence_count(s, pair) != 2)
        source_fault(s, pair, "a step is a list of two numbers: [from value on, points]");
    else if (read_double(s, sequence_item(s, pair, 0), &at) &&
             read_micro(s, sequence_item(s, pair, 1), false, &points)) {
        r->step_at[r->n_step_at++] = at;
        r->step_points[r->n_step_points++] = points;
    }
}

static void steps(struct source *s, yaml_node_t *v, void *object)
{
    Parbus__Rule *r = object;
    size_t count = sequence_count(s, v);
    r->step_at = pool_array(s->reader->pool, count, sizeof *r->step_at);
    r->step_points = pool_array(s->reader->pool, count, sizeof *r->step_points);
    for (size_t i = 0; i < count; i++)
        step(s, sequence_item(s, v, i), r);
}

static void kind(struct source *s, yaml_node_t *v, void *r) { (void)s, (void)v, (void)r; }

/* What each rule says; the range can be left out where it follows from the rest. */
enum { RULE_FIELDS = 5 };
static const struct field rule_fields[][RULE_FIELDS] = {
    [PARBUS__RULE_KIND__RULE_NONE] = {{"kind", true, kind}},
    [PARBUS__RULE_KIND__RULE_POINTS] = {{"kind", true, kind}, {"range", false, range}},
    [PARBUS__RULE_KIND__RULE_RATIO] = {{"kind", true, kind},
                                       {"range", true, range},
                                       {"target", true, target},
                                       {"floor", false, least}},
    [PARBUS__RULE_KIND__RULE_LINEAR] = {{"kind", true, kind},
                                        {"range", true, range},
                                        {"from", true, from},
                                        {"to", true, to}},
    [PARBUS__RULE_KIND__RULE_STEPS] = {{"kind", true, kind}, {"range", true, range}, {"steps", true, steps}},
    [PARBUS__RULE_KIND__RULE_CHECKLIST] = {{"kind", true, kind}, {"range", false, range}, {"items", true, items}},
    [PARBUS__RULE_KIND__RULE_DEDUCT] = {{"kind", true, kind}, {"range", true, range}, {"per_unit", true, per_unit}},
    [PARBUS__RULE_KIND__RULE_SURVEY] = {{"kind", true, kind},
                                        {"range", false, range},
                                        {"from", false, from},
                                        {"to", false, to}},
};

static size_t field_count(int rule_kind)
{
    size_t n = 0;
    while (n < RULE_FIELDS && rule_fields[rule_kind][n].key)
        n++;
    return n;
}

static void default_range(Parbus__Rule *r, int64_t points_max)
{
    double most = r->kind == PARBUS__RULE_KIND__RULE_CHECKLIST ? (double)r->items : (double)points_max / MICRO;
    bool survey = r->kind == PARBUS__RULE_KIND__RULE_SURVEY;
    r->value_min = survey ? (r->from < r->to ? r->from : r->to) : 0;
    r->value_max = survey ? (r->from < r->to ? r->to : r->from) : most;
    r->has_value_min = r->has_value_max = true;
}

static bool has_default_range(const Parbus__Rule *r)
{
    return r->kind == PARBUS__RULE_KIND__RULE_POINTS || r->kind == PARBUS__RULE_KIND__RULE_CHECKLIST ||
           (r->kind == PARBUS__RULE_KIND__RULE_SURVEY && r->from != r->to);
}

void load_rule(struct source *s, yaml_node_t *node, int64_t points_max, Parbus__Node *leaf)
{
    Parbus__Rule *r = pool_alloc(s->reader->pool, sizeof *r);
    parbus__rule__init(r);
    yaml_node_t *word = node->type == YAML_MAPPING_NODE ? mapping_value(s, node, "kind") : node;
    int number = PARBUS__RULE_KIND__RULE_NONE;
    if (word)
        read_word(s, word, &words_rule, &number);
    else
        source_fault(s, node, "key 'kind' is missing");
    r->has_kind = true;
    r->kind = (Parbus__RuleKind)number;
    leaf->rule = r;
    if (number == PARBUS__RULE_KIND__RULE_NONE)
        return;
    if (node->type == YAML_MAPPING_NODE)
        read_mapping(s, node, rule_fields[number], field_count(number), r);
    else if (field_count(number) > 2)
        source_fault(s, node, "rule %s needs more: {kind: %s, …}", scalar_text(word), scalar_text(word));
    if (!r->has_value_min && has_default_range(r))
        default_range(r, points_max);
}
