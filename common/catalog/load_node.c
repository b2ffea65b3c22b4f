#include "catalog/loader.h"
#include "catalog/words.h"

struct tree {
    Parbus__Definition *definition;
    Parbus__Node *node; /* the one being read */
    uint32_t depth;
    int32_t position;
    bool full; /* reported */
};

static void title_vi(struct source *s, yaml_node_t *v, void *t) { read_text(s, v, &((struct title *)t)->vi); }
static void title_en(struct source *s, yaml_node_t *v, void *t) { read_text(s, v, &((struct title *)t)->en); }

void load_title(struct source *s, yaml_node_t *node, struct title *title)
{
    static const struct field fields[] = {{"vi", true, title_vi}, {"en", true, title_en}};
    read_mapping(s, node, fields, 2, title);
}

static Parbus__Node *node_of(void *tree) { return ((struct tree *)tree)->node; }

static void id(struct source *s, yaml_node_t *v, void *t) { node_of(t)->has_id = read_u32(s, v, &node_of(t)->id); }
static void code(struct source *s, yaml_node_t *v, void *t) { read_text(s, v, &node_of(t)->code); }

static void title(struct source *s, yaml_node_t *v, void *t)
{
    struct title title = {0};
    load_title(s, v, &title);
    node_of(t)->title_vi = title.vi;
    node_of(t)->title_en = title.en;
}

static void max(struct source *s, yaml_node_t *v, void *t)
{
    node_of(t)->has_points_max = read_micro(s, v, false, &node_of(t)->points_max);
}
static void weight(struct source *s, yaml_node_t *v, void *t)
{
    node_of(t)->has_weight = read_micro(s, v, true, &node_of(t)->weight);
}
static void scale(struct source *s, yaml_node_t *v, void *t)
{
    node_of(t)->has_scale = read_micro(s, v, false, &node_of(t)->scale);
}

static void aggregation(struct source *s, yaml_node_t *v, void *t)
{
    int number = PARBUS__AGGREGATION__AGG_SUM;
    read_word(s, v, &words_aggregation, &number);
    node_of(t)->aggregation = (Parbus__Aggregation)number;
    node_of(t)->has_aggregation = true;
}

static void rule(struct source *s, yaml_node_t *v, void *t) { load_rule(s, v, node_of(t)->points_max, node_of(t)); }

static void children(struct source *s, yaml_node_t *v, void *t);

static const struct field node_fields[] = {
    {"id", true, id},        {"code", true, code},      {"title", true, title},
    {"max", true, max},      {"weight", false, weight}, {"aggregation", false, aggregation},
    {"scale", false, scale}, {"rule", false, rule},     {"children", false, children},
};

static void read_node(struct source *s, yaml_node_t *node, struct tree *t)
{
    Parbus__Definition *d = t->definition;
    if (t->depth >= CATALOG_DEPTH_MAX) {
        source_fault(s, node, "the tree is deeper than %d levels", CATALOG_DEPTH_MAX);
        return;
    }
    if (d->n_node == CATALOG_NODES_MAX) {
        if (!t->full)
            source_fault(s, node, "more than %d nodes", CATALOG_NODES_MAX);
        t->full = true;
        return;
    }
    Parbus__Node *n = pool_alloc(s->reader->pool, sizeof *n);
    parbus__node__init(n);
    n->has_parent = true;
    n->parent = t->position;
    t->position = (int32_t)d->n_node;
    t->node = n;
    source_add_item(s, node);
    d->node[d->n_node++] = n;
    read_mapping(s, node, node_fields, sizeof node_fields / sizeof *node_fields, t);
}

static void children(struct source *s, yaml_node_t *v, void *object)
{
    struct tree *t = object;
    struct tree below = *t;
    size_t count = sequence_count(s, v);
    if (!count && v->type == YAML_SEQUENCE_NODE)
        source_fault(s, v, "no children; leave the key out");
    for (size_t i = 0; i < count && !below.full; i++) {
        below.depth = t->depth + 1;
        below.position = t->position;
        read_node(s, sequence_item(s, v, i), &below);
    }
    t->full = below.full;
}

void load_tree(struct source *s, yaml_node_t *node, Parbus__Definition *d)
{
    d->node = pool_array(s->reader->pool, CATALOG_NODES_MAX, sizeof(void *));
    read_node(s, node, &(struct tree){.definition = d, .position = -1});
}
