/* A small sound catalog in a directory of its own, to be spoilt by tests. */
#pragma once
#include "catalog/load.h"

enum { FAULTS_MAX = 64 };

struct bench {
    char directory[64];
    size_t faults;
    struct {
        char file[256], text[512];
        int line;
    } fault[FAULTS_MAX];
};

extern const char bench_registry[], bench_index[]; /* registries/units.yaml, one.yaml */

void bench_open(struct bench *b);
void bench_close(struct bench *b);
void bench_write(const struct bench *b, const char *name, const char *text, size_t bytes);
/* Writes the text with the first `from` replaced. */
void bench_rewrite(const struct bench *b, const char *name, const char *text, const char *from, const char *to);
/* The text with the first `from` replaced by `to`; free it. */
char *bench_replaced(const char *text, const char *from, const char *to);

/* For catalog_load; ctx is the bench. */
void bench_fault(void *ctx, const char *file, int line, const char *text);
/* Loads it; what was wrong is in fault[]. */
bool bench_loads(struct bench *b);
bool bench_has_fault(const struct bench *b, const char *file, int line, const char *text);
void bench_print(const struct bench *b);
