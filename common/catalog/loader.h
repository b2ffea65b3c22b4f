/* Between the parts of the loader; private to this module. */
#pragma once
#include "catalog/check.h"
#include "catalog/load.h"
#include "catalog/yaml.h"

struct registry_file {
    struct source *source;
    Parbus__Registry *registry;
};
struct definition_file {
    struct source *source;
    Parbus__Definition *definition;
    struct loader *loader;
    size_t period_count;
    char **period;
    yaml_node_t *periods;
};
struct loader {
    struct reader reader;
    size_t registry_count, definition_count;
    struct registry_file *registry;
    struct definition_file *definition;
};

/* Read one file and check it by itself; faults are reported. */
void load_registry(struct loader *l, struct source *s);
void load_definition(struct loader *l, struct source *s);
/* load_node.c: the tree below `node` becomes nodes of d, each parent before its children. */
void load_tree(struct source *s, yaml_node_t *node, Parbus__Definition *d);
/* load_rule.c; max: of the leaf, in micro-points */
void load_rule(struct source *s, yaml_node_t *node, int64_t points_max, Parbus__Node *leaf);
/* load_set.c: what only shows when all files are read. Sorts both lists by code and version. */
void load_check_set(struct loader *l);

struct title {
    char *vi, *en;
};
void load_title(struct source *s, yaml_node_t *node, struct title *title);

const struct registry_file *loader_registry(const struct loader *l, const char *code, uint32_t version);
/* A fault of check.h, with the line of what it is about; ctx is the struct source. */
void load_check_fault(void *ctx, enum check_scope scope, size_t position, const char *key, const char *text);
