/* Growing byte buffer that is reused: clearing keeps its memory. Aborts when the process has no memory; what it holds
 * is bounded by its user. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t size, capacity;
};

static inline void buffer_clear(struct buffer *b) { b->size = 0; }
void buffer_free(struct buffer *b);
/* Room for `bytes` more at the end; returns where, and counts them as used. Earlier pointers are void. */
void *buffer_grow(struct buffer *b, size_t bytes);
void buffer_append(struct buffer *b, const void *data, size_t bytes);
