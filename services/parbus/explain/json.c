#include "base/date.h"
#include "scoring/scoring.h"
#include "services/parbus/explain/print.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *points_json(int64_t micro)
{
    char text[POINTS_TEXT_BYTES];
    points_format(micro, 6, text);
    return json_string(text);
}

static json_t *time_json(int64_t unix_ms)
{
    char text[DATE_TEXT_BYTES];
    date_format_ms(unix_ms, text);
    return json_string(text);
}

static json_t *position_json(const struct explanation *x, uint64_t pseq, uint32_t row)
{
    return json_pack("{s:I, s:I, s:I}", "partition", (json_int_t)x->partition, "pseq", (json_int_t)pseq, "row",
                     (json_int_t)row);
}

static void add_evidence(void *ctx, const Parbus__Evidence *evidence)
{
    char digest[65] = "";
    for (size_t i = 0; evidence->has_sha256 && i < evidence->sha256.len && i < 32; i++)
        snprintf(digest + 2 * i, sizeof digest - 2 * i, "%02x", evidence->sha256.data[i]);
    json_array_append_new(ctx,
                          json_pack("{s:s, s:s, s:s}", "uri", evidence->uri, "sha256", digest, "note", evidence->note));
}

static json_t *cell_json(const struct explanation *x, const struct cell *c, int stage)
{
    struct err_text e;
    json_t *evidence = json_array();
    json_t *o = json_pack("{s:s, s:b, s:s, s:o, s:o, s:o}", "stage", catalog_stage_word(stage), "retracted",
                          (c->flags & CELL_RETRACTED) != 0, "feeder", explain_feeder(x, c->feeder), "observed_at",
                          time_json(c->observed_ms), "received_at", time_json(c->received_ms), "position",
                          position_json(x, c->pseq, c->row));
    if (c->flags & CELL_PRESENT)
        json_object_set_new(o, "value", json_real(c->value));
    if (explain_evidence(x, c, add_evidence, evidence, &e))
        json_object_set_new(o, "evidence_error", json_string(e.text));
    json_object_set_new(o, "evidence", evidence);
    if (c->flags & CELL_REPLACED)
        json_object_set_new(o, "replaced",
                            json_pack("{s:f, s:o}", "value", c->replaced_value, "position",
                                      position_json(x, c->replaced_pseq, c->replaced_row)));
    return o;
}

static void add_leaf(const struct explanation *x, const struct node *node, json_t *o)
{
    char rule[RULE_TEXT_BYTES];
    uint32_t leaf = (uint32_t)node->leaf;
    int effective = explain_stage(x, leaf);
    json_t *values = json_array();
    explain_rule(node, 6, rule);
    for (int stage = EXPLAIN_STAGES - 1; stage > 0; stage--)
        if (x->cells[stage] && x->cells[stage][leaf].flags & (CELL_PRESENT | CELL_RETRACTED))
            json_array_append_new(values, cell_json(x, &x->cells[stage][leaf], stage));
    json_object_set_new(o, "rule", json_string(rule));
    json_object_set_new(o, "rule_kind", json_string(catalog_rule_word(node->rule.kind)));
    json_object_set_new(o, "effective_stage", effective ? json_string(catalog_stage_word(effective)) : json_null());
    json_object_set_new(o, "values", values);
}

static json_t *node_json(const struct explanation *x, size_t position)
{
    const struct node *node = &x->definition->node[position];
    json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:i, s:o, s:o}", "id", (json_int_t)node->id, "code", node->code,
                          "title_vi", node->title_vi, "title_en", node->title_en, "depth", (int)node->depth, "points",
                          points_json(x->points[position]), "points_max", points_json(node->points_max));
    if (node->parent >= 0)
        json_object_set_new(o, "parent", json_integer(x->definition->node[node->parent].id));
    if (node->leaf >= 0)
        add_leaf(x, node, o);
    return o;
}

/* Digits with which a number reads back as the same double: 15 for what was typed in, at most 17. */
static int digits_of(double value)
{
    char text[40];
    int digits = 15;
    while (digits < 17 && snprintf(text, sizeof text, "%.*g", digits, value) > 0 && strtod(text, NULL) != value)
        digits++;
    return digits;
}

static int greater(int a, int b) { return a > b ? a : b; }

static int digits_needed(const struct explanation *x)
{
    int digits = 15;
    for (int stage = 1; stage < EXPLAIN_STAGES; stage++)
        for (size_t leaf = 0; x->cells[stage] && leaf < x->definition->leaf_count; leaf++) {
            digits = greater(digits, digits_of(x->cells[stage][leaf].value));
            digits = greater(digits, digits_of(x->cells[stage][leaf].replaced_value));
        }
    return digits;
}

void explain_print_json(const struct explanation *x)
{
    const struct definition *d = x->definition;
    json_t *nodes = json_array();
    for (size_t i = 0; i < d->node_count; i++)
        json_array_append_new(nodes, node_json(x, i));
    json_t *unit =
        json_pack("{s:I, s:s, s:s}", "id", (json_int_t)x->unit->id, "code", x->unit->code, "name", x->unit->name);
    json_t *o =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:o, s:b, s:b, s:o}", "index", d->index, "period", x->series->period,
                  "version", (int)d->version, "status", d->status, "source", d->source, "unit", unit, "present",
                  (int)x->score.present, "complete", (int)x->score.complete, "score", points_json(x->points[0]));
    json_object_set_new(o, "rank", x->rank ? json_integer(x->rank) : json_null());
    json_object_set_new(o, "ranked", json_integer(x->ranked));
    json_object_set_new(o, "appraised_share", json_real(x->score.appraised_share / 1e6));
    json_object_set_new(o, "nodes", nodes);
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)digits_needed(x)));
    putchar('\n');
    json_decref(o);
}
