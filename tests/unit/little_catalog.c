#include "little_catalog.h"
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 24 };

static void apply(struct catalog *c, Parbus__Control *control)
{
    struct err_text e;
    control->has_control_seq = control->has_received_ms = true;
    control->control_seq = catalog_control_seq(c) + 1;
    control->received_ms = 1000;
    if (catalog_apply(c, control, &e)) {
        fprintf(stderr, "little catalog: %s\n", e.text);
        abort();
    }
}

static void publish_registry(struct catalog *c, unsigned units)
{
    Parbus__Registry r = PARBUS__REGISTRY__INIT;
    Parbus__Unit *unit = calloc(units, sizeof *unit);
    Parbus__Unit **pointer = calloc(units, sizeof *pointer);
    char(*code)[TEXT_BYTES] = calloc(units, sizeof *code), (*name)[TEXT_BYTES] = calloc(units, sizeof *name);
    for (unsigned i = 0; i < units; i++) {
        snprintf(code[i], sizeof code[i], "u%u", i + 1);
        snprintf(name[i], sizeof name[i], "Đơn vị %u", i + 1);
        unit[i] = (Parbus__Unit)PARBUS__UNIT__INIT;
        unit[i].has_id = true;
        unit[i].id = i + 1;
        unit[i].code = code[i];
        unit[i].name = name[i];
        pointer[i] = &unit[i];
    }
    r.code = "units", r.title = "Units", r.source = "made up for tests";
    r.has_version = true, r.version = 1;
    r.n_unit = units, r.unit = pointer;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_REGISTRY;
    control.registry = &r;
    apply(c, &control);
    free(unit), free(pointer), free(code), free(name);
}

static void node_fill(Parbus__Node *n, unsigned i, unsigned tops, Parbus__Rule *rule, char code[static TEXT_BYTES])
{
    *n = (Parbus__Node)PARBUS__NODE__INIT;
    snprintf(code, TEXT_BYTES, i ? "t%u" : "root", i);
    n->code = n->title_vi = n->title_en = code;
    n->has_id = n->has_parent = n->has_points_max = n->has_aggregation = true;
    n->id = i + 1;
    n->parent = i ? 0 : -1;
    n->points_max = (int64_t)(i ? 10 : 10 * tops) * MICRO;
    n->aggregation = PARBUS__AGGREGATION__AGG_SUM;
    n->rule = i ? rule : NULL;
}

static void publish_definition(struct catalog *c, unsigned tops)
{
    Parbus__Definition d = PARBUS__DEFINITION__INIT;
    Parbus__Rule rule = PARBUS__RULE__INIT;
    rule.has_kind = rule.has_value_min = rule.has_value_max = true;
    rule.kind = PARBUS__RULE_KIND__RULE_POINTS, rule.value_max = 10;
    Parbus__Node *node = calloc(tops + 1, sizeof *node);
    Parbus__Node **pointer = calloc(tops + 1, sizeof *pointer);
    char(*code)[TEXT_BYTES] = calloc(tops + 1, sizeof *code);
    for (unsigned i = 0; i <= tops; i++) {
        node_fill(&node[i], i, tops, &rule, code[i]);
        pointer[i] = &node[i];
    }
    Parbus__Stage stage[] = {PARBUS__STAGE__STAGE_SELF};
    d.index = "little", d.title_vi = "Nhỏ", d.title_en = "Little", d.status = "illustrative", d.source = "made up";
    d.registry = "units", d.period_kind = "year";
    d.has_version = d.has_registry_version = d.has_decimals = d.has_missing = true;
    d.version = d.registry_version = 1, d.decimals = 2, d.missing = PARBUS__MISSING__MISSING_INCOMPLETE;
    d.n_stage = 1, d.stage = stage, d.n_node = tops + 1, d.node = pointer;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_DEFINITION;
    control.definition = &d;
    apply(c, &control);
    free(node), free(pointer), free(code);
}

struct catalog *little_catalog_new(unsigned units, unsigned tops)
{
    struct catalog *c = catalog_new();
    publish_registry(c, units);
    publish_definition(c, tops);
    return c;
}

void little_catalog_open(struct catalog *c, const char *period)
{
    Parbus__PeriodOpened p = PARBUS__PERIOD_OPENED__INIT;
    p.has_series = p.has_version = true;
    p.series = (uint32_t)catalog_series_count(c) + 1;
    p.version = 1;
    p.index = "little", p.period = (char *)period;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    control.period_opened = &p;
    apply(c, &control);
}
