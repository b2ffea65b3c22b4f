#include "catalog/pool.h"
#include "base/err.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct pool_block {
    struct pool_block *next;
    size_t zero; /* keeps what follows aligned */
    char data[];
};

enum { BLOCK_BYTES = 64 << 10 };

static void add_block(struct pool *p, size_t least)
{
    size_t size = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    ASSERT(size < SIZE_MAX - sizeof(struct pool_block));
    struct pool_block *b = calloc(1, sizeof *b + size);
    ASSERT(b);
    b->next = p->block;
    *p = (struct pool){.block = b, .size = size};
}

void *pool_alloc(struct pool *p, size_t bytes)
{
    ASSERT(bytes <= SIZE_MAX - 16);
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (!p->block || rounded > p->size - p->used)
        add_block(p, rounded);
    void *at = p->block->data + p->used;
    p->used += rounded;
    return at;
}

void *pool_array(struct pool *p, size_t count, size_t item_bytes)
{
    ASSERT(!item_bytes || count <= SIZE_MAX / item_bytes);
    return pool_alloc(p, count * item_bytes);
}

char *pool_text_n(struct pool *p, const char *text, size_t bytes)
{
    char *copy = pool_alloc(p, bytes + 1);
    if (bytes)
        memcpy(copy, text, bytes);
    return copy;
}

char *pool_text(struct pool *p, const char *text) { return pool_text_n(p, text, text ? strlen(text) : 0); }

void pool_free(struct pool *p)
{
    for (struct pool_block *b = p->block, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *p = (struct pool){0};
}
