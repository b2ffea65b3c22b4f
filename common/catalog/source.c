#include "base/err.h"
#include "catalog/yaml.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { FILE_BYTES_MAX = 256 << 20, NESTED_MAX = 64 }; /* a tree of CATALOG_DEPTH_MAX levels needs 35 */

/* The whole file; NULL with errno set. */
static char *read_all(const char *file, size_t *bytes)
{
    FILE *in = fopen(file, "rb");
    if (!in)
        return NULL;
    char *data = NULL;
    size_t size = 0, capacity = 0, n;
    do {
        if (size == capacity) {
            capacity = capacity ? capacity * 2 : 64 << 10;
            char *larger = realloc(data, capacity);
            ASSERT(larger);
            data = larger;
        }
        n = fread(data + size, 1, capacity - size, in);
        size += n;
    } while (n && size <= FILE_BYTES_MAX);
    int error = ferror(in) ? EIO : size > FILE_BYTES_MAX ? EFBIG : 0;
    fclose(in);
    if (error) {
        free(data);
        errno = error;
        return NULL;
    }
    *bytes = size;
    return data;
}

/* 0: all is well, else the line of the first byte that is not UTF-8. */
static int bad_utf8_line(const char *data, size_t bytes)
{
    int line = 1;
    for (size_t at = 0; at < bytes;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)data + at, (utf8proc_ssize_t)(bytes - at), &c);
        if (n <= 0)
            return line;
        line += c == '\n';
        at += (size_t)n;
    }
    return 0;
}

/* ---- what libyaml takes quadratic time for, and no catalog needs ---- */

static int nesting(yaml_token_type_t type)
{
    switch (type) {
    case YAML_BLOCK_SEQUENCE_START_TOKEN:
    case YAML_BLOCK_MAPPING_START_TOKEN:
    case YAML_FLOW_SEQUENCE_START_TOKEN:
    case YAML_FLOW_MAPPING_START_TOKEN:
        return 1;
    case YAML_BLOCK_END_TOKEN:
    case YAML_FLOW_SEQUENCE_END_TOKEN:
    case YAML_FLOW_MAPPING_END_TOKEN:
        return -1;
    default:
        return 0;
    }
}

/* NULL: nothing against it. */
static const char *refusal(yaml_token_type_t type, int nested)
{
    switch (type) {
    case YAML_ANCHOR_TOKEN:
    case YAML_ALIAS_TOKEN:
        return "anchors (&) and aliases (*) are not taken here: write the value out";
    case YAML_TAG_DIRECTIVE_TOKEN:
    case YAML_VERSION_DIRECTIVE_TOKEN:
        return "directives (%) are not taken here";
    default:
        return nested > NESTED_MAX ? "nested too deeply" : NULL;
    }
}

/* What is no YAML is left to the parser, which says more about it. */
static const char *next_refusal(yaml_parser_t *parser, int *nested, int *line, bool *end)
{
    yaml_token_t token;
    *end = !yaml_parser_scan(parser, &token) || token.type == YAML_STREAM_END_TOKEN || token.type == YAML_NO_TOKEN;
    if (parser->error)
        return NULL;
    *nested += nesting(token.type);
    *line = (int)token.start_mark.line + 1;
    const char *why = refusal(token.type, *nested);
    yaml_token_delete(&token);
    return why;
}

static void parser_open(yaml_parser_t *parser, const char *data, size_t bytes)
{
    bool ready = yaml_parser_initialize(parser);
    ASSERT(ready); /* memory */
    yaml_parser_set_input_string(parser, (const unsigned char *)data, bytes);
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
}

/* Read token by token, and no further than to the first one that is refused: not more than its line is looked at. */
static bool harmless(struct source *s, const char *data, size_t bytes)
{
    yaml_parser_t parser;
    const char *why = NULL;
    int nested = 0, line = 0;
    parser_open(&parser, data, bytes);
    for (bool end = false; !end && !why;)
        why = next_refusal(&parser, &nested, &line, &end);
    yaml_parser_delete(&parser);
    if (why)
        source_fault_line(s, line, why);
    return !why;
}

/* ---- one document ---- */

static bool parse_one(struct source *s, yaml_parser_t *parser)
{
    if (!yaml_parser_load(parser, &s->document)) {
        size_t line = parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line;
        char text[256];
        snprintf(text, sizeof text, "not YAML: %s", parser->problem ? parser->problem : "out of memory");
        source_fault_line(s, (int)line + 1, text);
        return false;
    }
    s->root = yaml_document_get_root_node(&s->document);
    if (!s->root || s->root->type != YAML_MAPPING_NODE)
        source_fault_line(s, s->root ? node_line(s->root) : 1, "the file is not a mapping (key: value)");
    return s->root && s->root->type == YAML_MAPPING_NODE;
}

/* false: something follows the document, which would never be read. */
static bool ends_here(struct source *s, yaml_parser_t *parser)
{
    yaml_document_t rest;
    if (!yaml_parser_load(parser, &rest)) {
        source_fault_line(s, (int)parser->problem_mark.line + 1, "not YAML after the end of the document");
        return false;
    }
    yaml_node_t *root = yaml_document_get_root_node(&rest);
    if (root)
        source_fault_line(s, node_line(root), "a second document; a file holds one registry or one definition");
    yaml_document_delete(&rest);
    return !root;
}

static bool parse(struct source *s, const char *data, size_t bytes)
{
    yaml_parser_t parser;
    parser_open(&parser, data, bytes);
    bool ok = parse_one(s, &parser) && ends_here(s, &parser);
    yaml_parser_delete(&parser);
    return ok;
}

struct source *source_open(struct reader *r, const char *file)
{
    struct source *s = calloc(1, sizeof *s);
    ASSERT(s);
    *s = (struct source){.next = r->sources, .file = pool_text(r->pool, file), .reader = r};
    r->sources = s;
    size_t bytes = 0;
    char *data = read_all(file, &bytes);
    if (!data) {
        source_fault_line(s, 0, strerror(errno));
        return NULL;
    }
    int line = bad_utf8_line(data, bytes);
    if (line)
        source_fault_line(s, line, "not UTF-8");
    bool ok = !line && harmless(s, data, bytes) && parse(s, data, bytes);
    free(data);
    return ok ? s : NULL;
}

void reader_close(struct reader *r)
{
    for (struct source *s = r->sources, *next; s; s = next) {
        next = s->next;
        yaml_document_delete(&s->document);
        free(s->item);
        free(s->fault_line);
        free(s);
    }
    r->sources = NULL;
}
