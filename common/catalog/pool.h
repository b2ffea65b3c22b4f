/* Memory that is given back all at once: the catalog's immutable objects, and what a loader reads. Pieces never move.
 * Aborts when the process has no memory; what is put into it is bounded by the limits of catalog.h. */
#pragma once
#include <stddef.h>

struct pool {
    struct pool_block *block;
    size_t used, size; /* of the newest block */
};

/* 16-byte aligned, all zero. */
void *pool_alloc(struct pool *p, size_t bytes);
void *pool_array(struct pool *p, size_t count, size_t item_bytes);
/* NULL is copied as "". */
char *pool_text(struct pool *p, const char *text);
char *pool_text_n(struct pool *p, const char *text, size_t bytes);
void pool_free(struct pool *p);
