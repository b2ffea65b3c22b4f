#include "base/err.h"
#include "catalog/yaml.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { FILE_BYTES_MAX = 256 << 20 };

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
    bool ready = yaml_parser_initialize(&parser);
    ASSERT(ready); /* memory */
    yaml_parser_set_input_string(&parser, (const unsigned char *)data, bytes);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
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
    bool ok = !line && parse(s, data, bytes);
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
