#include "catalog/model.h"
#include <string.h>

static const char *const *copy_texts(struct pool *pool, char *const *from, size_t count)
{
    const char **to = pool_array(pool, count, sizeof *to);
    for (size_t i = 0; i < count; i++)
        to[i] = pool_text(pool, from[i]);
    return to;
}

struct registry_entry *build_registry(struct pool *pool, const Parbus__Registry *from, uint64_t published)
{
    struct registry_entry *entry = pool_alloc(pool, sizeof *entry);
    struct unit *unit = pool_array(pool, from->n_unit, sizeof *unit);
    for (size_t i = 0; i < from->n_unit; i++) {
        const Parbus__Unit *u = from->unit[i];
        unit[i] = (struct unit){.id = u->id,
                                .code = pool_text(pool, u->code),
                                .name = pool_text(pool, u->name),
                                .alias_count = u->n_alias,
                                .alias = copy_texts(pool, u->alias, u->n_alias)};
    }
    entry->registry = (struct registry){.code = pool_text(pool, from->code),
                                        .title = pool_text(pool, from->title),
                                        .source = pool_text(pool, from->source),
                                        .version = from->version,
                                        .published = published,
                                        .unit_count = from->n_unit,
                                        .unit = unit};
    entry->registry.lookup = lookup_build(pool, &entry->registry);
    entry->content = catalog_content(&from->base);
    return entry;
}

static struct rule build_rule(struct pool *pool, const Parbus__Rule *from)
{
    if (!from)
        return (struct rule){.kind = PARBUS__RULE_KIND__RULE_NONE};
    double *at = pool_array(pool, from->n_step_at, sizeof *at);
    int64_t *points = pool_array(pool, from->n_step_points, sizeof *points);
    if (from->n_step_at) {
        memcpy(at, from->step_at, from->n_step_at * sizeof *at);
        memcpy(points, from->step_points, from->n_step_points * sizeof *points);
    }
    return (struct rule){.kind = from->kind,
                         .value_min = from->value_min,
                         .value_max = from->value_max,
                         .target = from->target,
                         .floor = from->floor,
                         .from = from->from,
                         .to = from->to,
                         .per_unit = from->per_unit,
                         .items = from->items,
                         .step_count = from->n_step_at,
                         .step_at = at,
                         .step_points = points};
}

static struct node build_node(struct pool *pool, const Parbus__Node *from)
{
    return (struct node){.id = from->id,
                         .parent = from->parent,
                         .leaf = -1,
                         .code = pool_text(pool, from->code),
                         .title_vi = pool_text(pool, from->title_vi),
                         .title_en = pool_text(pool, from->title_en),
                         .points_max = from->points_max,
                         .weight = from->weight,
                         .scale = from->has_scale ? from->scale : MICRO,
                         .aggregation = from->aggregation,
                         .rule = build_rule(pool, from->rule)};
}

static void link_tree(struct node *node, size_t count, struct definition *d)
{
    for (size_t i = 1; i < count; i++) {
        node[i].depth = node[node[i].parent].depth + 1;
        node[node[i].parent].child_count++;
    }
    for (size_t i = 0; i < count; i++) {
        if (!node[i].child_count)
            node[i].leaf = (int32_t)d->leaf_count++;
        d->id_max = node[i].id > d->id_max ? node[i].id : d->id_max;
    }
    d->top_count = node[0].child_count;
}

static void index_tree(struct pool *pool, struct definition *d)
{
    uint32_t *leaf = pool_array(pool, d->leaf_count, sizeof *leaf);
    uint32_t *top = pool_array(pool, d->top_count, sizeof *top);
    int32_t *by_id = pool_array(pool, (size_t)d->id_max + 1, sizeof *by_id);
    memset(by_id, 0xff, ((size_t)d->id_max + 1) * sizeof *by_id);
    size_t tops = 0;
    for (size_t i = 0; i < d->node_count; i++) {
        by_id[d->node[i].id] = (int32_t)i;
        if (d->node[i].leaf >= 0)
            leaf[d->node[i].leaf] = (uint32_t)i;
        if (d->node[i].parent == 0)
            top[tops++] = (uint32_t)i;
    }
    d->leaf = leaf, d->top = top, d->by_id = by_id;
}

static void build_cohort(struct pool *pool, const Parbus__Definition *from, struct definition *d)
{
    d->cohort_count = from->n_cohort ? from->n_cohort : d->registry->unit_count;
    uint32_t *cohort = pool_array(pool, d->cohort_count, sizeof *cohort);
    for (size_t i = 0; i < d->cohort_count; i++)
        cohort[i] = from->n_cohort ? from->cohort[i] : d->registry->unit[i].id;
    d->cohort = cohort;
}

struct definition_entry *build_definition(struct pool *pool, const Parbus__Definition *from,
                                          const struct registry *registry, uint64_t published)
{
    struct definition_entry *entry = pool_alloc(pool, sizeof *entry);
    struct definition *d = &entry->definition;
    *d = (struct definition){.index = pool_text(pool, from->index),
                             .title_vi = pool_text(pool, from->title_vi),
                             .title_en = pool_text(pool, from->title_en),
                             .status = pool_text(pool, from->status),
                             .source = pool_text(pool, from->source),
                             .period_kind = pool_text(pool, from->period_kind),
                             .version = from->version,
                             .decimals = from->decimals,
                             .published = published,
                             .missing = from->missing,
                             .registry = registry,
                             .node_count = from->n_node};
    for (size_t i = 0; i < from->n_stage; i++)
        d->stages |= 1u << from->stage[i];
    struct node *node = pool_array(pool, from->n_node, sizeof *node);
    for (size_t i = 0; i < from->n_node; i++)
        node[i] = build_node(pool, from->node[i]);
    link_tree(node, from->n_node, d);
    d->node = node;
    index_tree(pool, d);
    build_cohort(pool, from, d);
    entry->content = catalog_content(&from->base);
    return entry;
}
