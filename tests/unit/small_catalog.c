#include "small_catalog.h"
#include <stdio.h>
#include <stdlib.h>

struct publishing {
    small_catalog_fn *fn;
    void *ctx;
    uint64_t seq;
};

static void publish(struct publishing *p, Parbus__Control *control)
{
    control->has_control_seq = 1;
    control->control_seq = ++p->seq;
    p->fn(p->ctx, control);
}

static void publish_registry(struct publishing *p)
{
    static const char *const names[][2] = {{"01", "Hà Nội"}, {"02", "Hà Nam"}, {"03", "Huế"}};
    Parbus__Unit unit[3], *pointer[3];
    for (uint32_t i = 0; i < 3; i++) {
        unit[i] = (Parbus__Unit)PARBUS__UNIT__INIT;
        unit[i].has_id = 1;
        unit[i].id = i + 1;
        unit[i].code = (char *)names[i][0];
        unit[i].name = (char *)names[i][1];
        pointer[i] = &unit[i];
    }
    Parbus__Registry r = PARBUS__REGISTRY__INIT;
    r.code = "units", r.title = "Units", r.source = "made up for tests";
    r.has_version = 1, r.version = 1, r.n_unit = 3, r.unit = pointer;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_REGISTRY;
    control.registry = &r;
    publish(p, &control);
}

struct plan {
    int parent;
    char *code;
    int64_t points;
    Parbus__RuleKind rule;
    double value_max;
};

static const struct plan plan[] = {{-1, "mini", 40, PARBUS__RULE_KIND__RULE_NONE, 0},
                                   {0, "a", 20, PARBUS__RULE_KIND__RULE_NONE, 0},
                                   {1, "a1", 10, PARBUS__RULE_KIND__RULE_POINTS, 10},
                                   {1, "a2", 10, PARBUS__RULE_KIND__RULE_RATIO, 1000},
                                   {0, "b", 20, PARBUS__RULE_KIND__RULE_POINTS, 20}};
enum { NODES = sizeof plan / sizeof *plan };

static void fill_node(Parbus__Node *n, Parbus__Rule *rule, uint32_t i)
{
    *n = (Parbus__Node)PARBUS__NODE__INIT;
    *rule = (Parbus__Rule)PARBUS__RULE__INIT;
    n->has_id = n->has_parent = n->has_points_max = 1;
    n->id = i + 1;
    n->parent = plan[i].parent;
    n->code = n->title_vi = n->title_en = plan[i].code;
    n->points_max = plan[i].points * MICRO;
    n->has_aggregation = plan[i].rule == PARBUS__RULE_KIND__RULE_NONE;
    if (n->has_aggregation)
        return;
    rule->has_kind = rule->has_value_min = rule->has_value_max = 1;
    rule->kind = plan[i].rule;
    rule->value_max = plan[i].value_max;
    rule->has_target = rule->kind == PARBUS__RULE_KIND__RULE_RATIO;
    rule->target = 100;
    n->rule = rule;
}

static void publish_definition(struct publishing *p)
{
    Parbus__Node node[NODES], *pointer[NODES];
    Parbus__Rule rule[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        fill_node(&node[i], &rule[i], i);
        pointer[i] = &node[i];
    }
    uint32_t cohort[] = {HA_NOI, HA_NAM};
    Parbus__Stage stage[] = {PARBUS__STAGE__STAGE_SELF, PARBUS__STAGE__STAGE_APPRAISED_1, PARBUS__STAGE__STAGE_SURVEY};
    Parbus__Definition d = PARBUS__DEFINITION__INIT;
    d.index = "mini", d.title_vi = "Nhỏ", d.title_en = "Mini", d.status = "illustrative", d.source = "made up";
    d.registry = "units", d.period_kind = "year";
    d.has_version = d.has_registry_version = d.has_decimals = d.has_missing = 1;
    d.version = d.registry_version = 1, d.decimals = 2, d.missing = PARBUS__MISSING__MISSING_INCOMPLETE;
    d.n_cohort = 2, d.cohort = cohort, d.n_stage = 3, d.stage = stage, d.n_node = NODES, d.node = pointer;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_DEFINITION;
    control.definition = &d;
    publish(p, &control);
}

static void open_period(struct publishing *p)
{
    Parbus__PeriodOpened opened = PARBUS__PERIOD_OPENED__INIT;
    opened.has_series = opened.has_version = 1;
    opened.series = opened.version = 1;
    opened.index = "mini", opened.period = "2025";
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    control.period_opened = &opened;
    publish(p, &control);
}

void small_catalog_controls(small_catalog_fn *fn, void *ctx)
{
    struct publishing p = {fn, ctx, 0};
    publish_registry(&p);
    publish_definition(&p);
    open_period(&p);
}

static void apply(void *ctx, const Parbus__Control *control)
{
    struct err_text e;
    if (catalog_apply(ctx, control, &e)) {
        fprintf(stderr, "small catalog: %s\n", e.text);
        abort();
    }
}

struct catalog *small_catalog_new(void)
{
    struct catalog *c = catalog_new();
    small_catalog_controls(apply, c);
    return c;
}

static enum err apply_next(struct catalog *c, Parbus__Control *control, struct err_text *e)
{
    control->has_control_seq = 1;
    control->control_seq = catalog_control_seq(c) + 1;
    return catalog_apply(c, control, e);
}

enum err set_aside_in(struct catalog *c, uint32_t partition, uint64_t pseq, struct err_text *e)
{
    char instance[] = "scorer-2";
    Parbus__SetAside m = PARBUS__SET_ASIDE__INIT;
    m.has_partition = m.has_pseq = m.has_tries = 1;
    m.partition = partition, m.pseq = pseq, m.tries = 3, m.instance = instance;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_SET_ASIDE;
    control.set_aside = &m;
    enum err err = apply_next(c, &control, e);
    instance[0] = '?'; /* the catalog has its own copy */
    return err;
}

enum err readmit_in(struct catalog *c, uint32_t partition, uint64_t pseq, struct err_text *e)
{
    Parbus__Readmitted m = PARBUS__READMITTED__INIT;
    m.has_partition = m.has_pseq = 1;
    m.partition = partition, m.pseq = pseq;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_READMITTED;
    control.readmitted = &m;
    return apply_next(c, &control, e);
}

void draft_begin(struct draft *d)
{
    *d = (struct draft){.s = PARBUS__SUBMISSION__INIT};
    d->s.has_seq = d->s.has_stage = 1;
    d->s.seq = 1;
    d->s.index = "mini", d->s.period = "2025", d->s.unit = "01";
    d->s.stage = PARBUS__STAGE__STAGE_SELF;
    d->s.indicator = d->indicator;
    d->s.value = d->value;
    d->s.row_observed_ms = d->observed_ms;
    d->s.evidence = d->evidence_at;
}

void draft_row(struct draft *d, uint32_t indicator, double value)
{
    d->indicator[d->s.n_indicator++] = indicator;
    d->value[d->s.n_value++] = value;
}

void draft_retract_row(struct draft *d, uint32_t indicator)
{
    d->s.has_retract = d->s.retract = 1;
    d->indicator[d->s.n_indicator++] = indicator;
}

void draft_evidence(struct draft *d, uint32_t row, const char *uri)
{
    Parbus__Evidence *e = &d->evidence[d->s.n_evidence];
    *e = (Parbus__Evidence)PARBUS__EVIDENCE__INIT;
    e->has_row = 1;
    e->row = row;
    e->uri = (char *)uri;
    d->evidence_at[d->s.n_evidence++] = e;
}

void draft_add(const struct draft *d, struct buffer *record, size_t start, uint32_t unit, uint32_t feeder, uint64_t seq)
{
    size_t bytes = protobuf_c_message_get_packed_size(&d->s.base);
    struct buffer body = {0};
    protobuf_c_message_pack(&d->s.base, buffer_grow(&body, bytes + 1));
    struct record_entry entry = {
        .body_bytes = (uint32_t)bytes, .feeder = feeder, .epoch = 1, .seq = seq, .series = 1, .unit = unit};
    record_add(record, start, &entry, body.data);
    buffer_free(&body);
}

void draft_record(const struct draft *d, struct buffer *record, uint32_t unit, uint32_t feeder, uint64_t seq)
{
    buffer_clear(record);
    record_begin(record, RECORD_DATA, RECEIVED_MS, 3);
    draft_add(d, record, 0, unit, feeder, seq);
}
