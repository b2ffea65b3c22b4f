/* A small sound catalog in a directory of its own, to be spoilt by tests. */
#pragma once
#include "catalog/load.h"

enum { FAULTS_MAX = 64 };

struct world {
    char directory[64];
    size_t faults;
    struct {
        char file[256], text[512];
        int line;
    } fault[FAULTS_MAX];
};

extern const char world_registry[], world_index[]; /* registries/units.yaml, one.yaml */

void world_open(struct world *b);
void world_close(struct world *b);
void world_write(const struct world *b, const char *name, const char *text, size_t bytes);
/* Writes the text with the first `from` replaced. */
void world_rewrite(const struct world *b, const char *name, const char *text, const char *from, const char *to);
/* The text with the first `from` replaced by `to`; free it. */
char *world_replaced(const char *text, const char *from, const char *to);

/* For catalog_load; ctx is the world. */
void world_fault(void *ctx, const char *file, int line, const char *text);
/* Loads it; what was wrong is in fault[]. */
bool world_loads(struct world *b);
bool world_has_fault(const struct world *b, const char *file, int line, const char *text);
void world_print(const struct world *b);
