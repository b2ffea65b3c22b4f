/* A growing byte buffer that is used again and again: clearing keeps its memory. Its user bounds what goes into it; it
 * aborts when the process has no memory. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t size, capacity;
};

static inline void buffer_clear(struct buffer *b) { b->size = 0; }
void buffer_free(struct buffer *b);
/* Room for `bytes` more at the end; counts them as used and returns where they are. Earlier pointers into the
 * buffer are void. */
void *buffer_grow(struct buffer *b, size_t bytes);
void buffer_append(struct buffer *b, const void *data, size_t bytes);
