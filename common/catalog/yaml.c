#include "catalog/yaml.h"
#include "base/err.h"
#include "catalog/catalog.h"
#include "catalog/words.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 64, FAULTS_MAX = 1000 }; /* of one mapping; told of one file */

int node_line(const yaml_node_t *node) { return (int)node->start_mark.line + 1; }

static bool has_fault(const struct source *s, int line)
{
    for (size_t i = 0; i < s->fault_count; i++)
        if (s->fault_line[i] == line)
            return true;
    return false;
}

/* The first thousand say enough, and each that is told later costs a look at all before. */
static void report(struct source *s, int line, const char *text)
{
    if (s->fault_count == FAULTS_MAX)
        return;
    if (s->fault_count == s->fault_capacity) {
        s->fault_capacity = s->fault_capacity ? s->fault_capacity * 2 : 16;
        s->fault_line = realloc(s->fault_line, s->fault_capacity * sizeof *s->fault_line);
        ASSERT(s->fault_line);
    }
    s->fault_line[s->fault_count++] = line;
    s->reader->faults++;
    s->reader->fault(s->reader->ctx, s->file, line,
                     s->fault_count < FAULTS_MAX ? text : "more is wrong from here on, which is not told");
}

void source_fault_line(struct source *s, int line, const char *text)
{
    if (!has_fault(s, line))
        report(s, line, text);
}

void source_fault(struct source *s, const yaml_node_t *at, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report(s, at ? node_line(at) : 1, text);
}

void source_add_item(struct source *s, yaml_node_t *node)
{
    if (s->item_count == s->item_capacity) {
        s->item_capacity = s->item_capacity ? s->item_capacity * 2 : 64;
        s->item = realloc(s->item, s->item_capacity * sizeof *s->item);
        ASSERT(s->item);
    }
    s->item[s->item_count++] = node;
}

/* ---- mappings and sequences ---- */

const char *scalar_text(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static yaml_node_t *item(struct source *s, int number) { return yaml_document_get_node(&s->document, number); }

static const yaml_node_pair_t *pair_of(struct source *s, const yaml_node_t *node, const char *key)
{
    if (!node || node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
        if (!strcmp(scalar_text(item(s, p->key)), key))
            return p;
    return NULL;
}

yaml_node_t *mapping_value(struct source *s, const yaml_node_t *node, const char *key)
{
    const yaml_node_pair_t *pair = pair_of(s, node, key);
    return pair ? item(s, pair->value) : NULL;
}

yaml_node_t *mapping_key(struct source *s, const yaml_node_t *node, const char *key)
{
    const yaml_node_pair_t *pair = pair_of(s, node, key);
    return pair ? item(s, pair->key) : NULL;
}

static const struct field *field_of(const struct field *field, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(field[i].key, key))
            return &field[i];
    return NULL;
}

static bool check_keys(struct source *s, yaml_node_t *node, const struct field *field, size_t count)
{
    yaml_node_pair_t *first = node->data.mapping.pairs.start;
    if (node->data.mapping.pairs.top - first > KEYS_MAX) {
        source_fault(s, node, "more than %d keys in one mapping", KEYS_MAX);
        return false;
    }
    for (yaml_node_pair_t *p = first; p < node->data.mapping.pairs.top; p++) {
        yaml_node_t *key = item(s, p->key);
        const char *name = scalar_text(key);
        if (!field_of(field, count, name))
            source_fault(s, key, "unknown key '%s'", name);
        for (yaml_node_pair_t *q = first; q < p; q++)
            if (!strcmp(scalar_text(item(s, q->key)), name)) {
                source_fault(s, key, "key '%s' stands here twice", name);
                break;
            }
    }
    return true;
}

bool read_mapping(struct source *s, yaml_node_t *node, const struct field *field, size_t count, void *object)
{
    if (node->type != YAML_MAPPING_NODE) {
        source_fault(s, node, "a mapping (key: value) is wanted here");
        return false;
    }
    if (!check_keys(s, node, field, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *value = mapping_value(s, node, field[i].key);
        if (value)
            field[i].read(s, value, object);
        else if (field[i].required)
            source_fault(s, node, "key '%s' is missing", field[i].key);
    }
    return true;
}

size_t sequence_count(struct source *s, const yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        source_fault(s, node, "a list is wanted here");
        return 0;
    }
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

yaml_node_t *sequence_item(struct source *s, const yaml_node_t *node, size_t i)
{
    return item(s, node->data.sequence.items.start[i]);
}

/* ---- scalars ---- */

bool read_text(struct source *s, const yaml_node_t *node, char **out)
{
    if (node->type != YAML_SCALAR_NODE || !node->data.scalar.length) {
        source_fault(s, node, "text is wanted here");
        return false;
    }
    if (strlen((const char *)node->data.scalar.value) != node->data.scalar.length) {
        source_fault(s, node, "the text holds a NUL character");
        return false;
    }
    *out = pool_text(s->reader->pool, (const char *)node->data.scalar.value);
    return true;
}

bool read_u32(struct source *s, const yaml_node_t *node, uint32_t *out)
{
    const char *text = scalar_text(node);
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits && digits <= 10 ? strtoul(text, NULL, 10) : 0;
    if (!digits || digits > 10 || text[digits] || value > UINT32_MAX) {
        source_fault(s, node, "'%s' is not a whole number", text);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool read_double(struct source *s, const yaml_node_t *node, double *out)
{
    const char *text = scalar_text(node);
    char *end;
    double value = strtod(text, &end);
    if (!*text || *end || !isfinite(value) || strspn(text, "+-.0123456789eE") != strlen(text)) {
        source_fault(s, node, "'%s' is not a number", text);
        return false;
    }
    *out = value;
    return true;
}

/* Digits with at most `places` decimals as an integer of that unit. */
static bool parse_decimal(const char *text, size_t bytes, unsigned places, int64_t *out)
{
    int64_t value = 0;
    unsigned decimals = 0;
    bool point = false, digit = false;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || (point && ++decimals > places) || value > INT64_MAX / 10 - 1)
            return false;
        value = value * 10 + (text[i] - '0');
        digit = true;
    }
    for (; decimals < places; decimals++)
        if (__builtin_mul_overflow(value, (int64_t)10, &value))
            return false;
    *out = value;
    return digit;
}

bool read_micro(struct source *s, const yaml_node_t *node, bool percent, int64_t *out)
{
    const char *text = scalar_text(node);
    size_t bytes = strlen(text);
    bool is_percent = percent && bytes && text[bytes - 1] == '%';
    if (!parse_decimal(text, bytes - is_percent, is_percent ? 4 : 6, out)) {
        source_fault(s, node, "'%s' is not a decimal number with at most six places", text);
        return false;
    }
    return true;
}

bool read_word(struct source *s, const yaml_node_t *node, const struct words *words, int *out)
{
    int number = words_number(words, scalar_text(node));
    if (number < 0) {
        char list[256];
        words_list(words, list, sizeof list);
        source_fault(s, node, "unknown %s '%s'; known are %s", words->what, scalar_text(node), list);
        return false;
    }
    *out = number;
    return true;
}
