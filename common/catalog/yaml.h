/* Reading YAML into messages, with the line of each value at hand. libyaml's document interface is used because it
 * keeps positions. Objects are read by tables of fields: unknown, repeated and missing keys are faults, and reading
 * goes on. */
#pragma once
#include "catalog/pool.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

struct words;

/* One YAML file; it stays open until the whole set is checked, because a fault that is found late has a line, too. */
struct source {
    struct source *next;
    const char *file;
    struct reader *reader;
    yaml_document_t document;
    yaml_node_t *root;
    size_t item_count, item_capacity;
    yaml_node_t **item; /* units or nodes by position */
    int *fault_line;    /* lines that have a fault already */
    size_t fault_count, fault_capacity;
};

struct reader {
    /* The first thousand of a file; the last one that is told says that more are not. */
    void (*fault)(void *ctx, const char *file, int line, const char *text);
    void *ctx;
    size_t faults;
    struct pool *pool; /* of what is read */
    struct source *sources;
};

/* NULL: not readable, not UTF-8, not YAML, not one mapping, or of a shape that no catalog needs and that takes libyaml
 * endless time (deep nesting, anchors, directives); the faults are reported. Owned by the reader. */
struct source *source_open(struct reader *r, const char *file);
void reader_close(struct reader *r);

void source_fault(struct source *s, const yaml_node_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Left out when its line has a fault already: then it is a consequence of that one. */
void source_fault_line(struct source *s, int line, const char *text);
int node_line(const yaml_node_t *node);
/* Remembers what stands at the next position. */
void source_add_item(struct source *s, yaml_node_t *node);

struct field {
    const char *key;
    bool required;
    void (*read)(struct source *s, yaml_node_t *value, void *object);
};
/* Fields are read in the order of the table, whatever their order in the file. false: not a mapping, or one with too
 * many keys. */
bool read_mapping(struct source *s, yaml_node_t *node, const struct field *field, size_t count, void *object);
/* NULL: no such key, or not a mapping. */
yaml_node_t *mapping_value(struct source *s, const yaml_node_t *node, const char *key);
yaml_node_t *mapping_key(struct source *s, const yaml_node_t *node, const char *key);

/* Items of a sequence; 0 with a fault when it is none. */
size_t sequence_count(struct source *s, const yaml_node_t *node);
yaml_node_t *sequence_item(struct source *s, const yaml_node_t *node, size_t i);

/* Each reports a fault and leaves *out alone when the value is not of its kind. Texts lie in the reader's pool. */
bool read_text(struct source *s, const yaml_node_t *node, char **out);
bool read_u32(struct source *s, const yaml_node_t *node, uint32_t *out);
bool read_double(struct source *s, const yaml_node_t *node, double *out);
/* A decimal with at most six places, exactly; with `percent`, "5%" is 0.05. */
bool read_micro(struct source *s, const yaml_node_t *node, bool percent, int64_t *out);
bool read_word(struct source *s, const yaml_node_t *node, const struct words *words, int *out);
/* The value as written, for comparing; "" when it is no scalar. */
const char *scalar_text(const yaml_node_t *node);
