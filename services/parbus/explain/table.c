#include "base/date.h"
#include "scoring/scoring.h"
#include "services/parbus/explain/print.h"
#include "services/parbus/print/print.h"
#include <stdio.h>
#include <string.h>

enum { TITLE_WIDTH = 56, DETAIL_INDENT = 6 };

static void print_points(int64_t points, unsigned decimals)
{
    char text[POINTS_TEXT_BYTES];
    points_format(points, decimals, text);
    printf(" %10s", text);
}

static void print_head(const struct explanation *x)
{
    const struct definition *d = x->definition;
    char score[POINTS_TEXT_BYTES], most[POINTS_TEXT_BYTES];
    points_format(x->points[0], d->decimals, score);
    points_format(d->node[0].points_max, d->decimals, most);
    printf("%s %s: %s\n", d->index, x->series->period, d->title_vi);
    printf("%s (%s): %s of %s points", x->unit->name, x->unit->code, score, most);
    if (x->rank)
        printf(", rank %u of %u", x->rank, x->ranked);
    else
        printf(", not ranked (%s)", x->score.present ? "values are missing" : "nothing was handed in");
    printf(", %u.%u %% of the points appraised\n", x->score.appraised_share / 10000,
           x->score.appraised_share / 1000 % 10);
    if (strcmp(d->status, "official") != 0)
        printf("status: %s (definition version %u) - %s\n", d->status, d->version, d->source);
    putchar('\n');
}

static void print_times(const struct cell *c)
{
    char observed[DATE_TEXT_BYTES], received[DATE_TEXT_BYTES];
    date_format_ms(c->observed_ms, observed);
    date_format_ms(c->received_ms, received);
    printf("observed %s, received %s", observed, received);
}

static void print_evidence(void *ctx, const Parbus__Evidence *evidence)
{
    const int *indent = ctx;
    printf("%*sevidence ", *indent, "");
    print_plain(stdout, evidence->uri);
    if (evidence->has_sha256 && evidence->sha256.len) {
        printf(" sha256 ");
        for (size_t i = 0; i < evidence->sha256.len; i++)
            printf("%02x", evidence->sha256.data[i]);
    }
    if (evidence->note && *evidence->note) {
        printf(" - ");
        print_plain(stdout, evidence->note);
    }
    putchar('\n');
}

static void print_cell(const struct explanation *x, const struct cell *c, int stage, int indent)
{
    char value[VALUE_TEXT_BYTES];
    struct err_text e;
    value_format(c->value, value);
    printf("%*s%s: ", indent, "", catalog_stage_word(stage));
    if (c->flags & CELL_PRESENT)
        printf("value %s by %s, ", value, explain_feeder(x, c->feeder));
    else
        printf("taken back by %s, ", explain_feeder(x, c->feeder));
    print_times(c);
    printf(", at %u:%llu\n", x->partition, (unsigned long long)c->pseq);
    indent += 2;
    if (explain_evidence(x, c, print_evidence, &indent, &e))
        printf("%*sevidence cannot be read: %s\n", indent, "", e.text);
    if (c->flags & CELL_REPLACED) {
        value_format(c->replaced_value, value);
        printf("%*sreplaced %s of %u:%llu\n", indent, "", value, x->partition, (unsigned long long)c->replaced_pseq);
    }
}

static void print_leaf(const struct explanation *x, const struct node *node, int indent)
{
    char rule[RULE_TEXT_BYTES];
    uint32_t leaf = (uint32_t)node->leaf;
    explain_rule(node, x->definition->decimals, rule);
    int effective = explain_stage(x, leaf);
    printf("%*s%s; %s%s\n", indent, "", rule, effective ? "counts: " : "no value",
           effective ? catalog_stage_word(effective) : "");
    for (int stage = EXPLAIN_STAGES - 1; stage > 0; stage--)
        if (x->cells[stage] && x->cells[stage][leaf].flags & (CELL_PRESENT | CELL_RETRACTED))
            print_cell(x, &x->cells[stage][leaf], stage, indent);
}

static void print_node(const struct explanation *x, size_t position)
{
    const struct node *node = &x->definition->node[position];
    char label[1024];
    int indent = (int)node->depth * 2;
    snprintf(label, sizeof label, "%*s%s  %s", indent, "", node->code, node->title_vi);
    print_padded(stdout, label, TITLE_WIDTH);
    print_points(x->points[position], x->definition->decimals);
    print_points(node->points_max, x->definition->decimals);
    putchar('\n');
    if (node->leaf >= 0)
        print_leaf(x, node, indent + DETAIL_INDENT);
}

void explain_print_table(const struct explanation *x)
{
    print_head(x);
    print_padded(stdout, "", TITLE_WIDTH);
    printf(" %10s %10s\n", "points", "maximum");
    for (size_t i = 0; i < x->definition->node_count; i++)
        print_node(x, i);
}
