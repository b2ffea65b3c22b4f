#include "base/buffer.h"
#include "base/err.h"
#include <stdlib.h>
#include <string.h>

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}

void *buffer_grow(struct buffer *b, size_t bytes)
{
    ASSERT(bytes <= SIZE_MAX - b->size);
    if (!b->data || b->size + bytes > b->capacity) {
        size_t capacity = b->capacity ? b->capacity : 256;
        while (capacity < b->size + bytes)
            capacity *= 2;
        b->data = realloc(b->data, capacity);
        ASSERT(b->data);
        b->capacity = capacity;
    }
    void *at = b->data + b->size;
    b->size += bytes;
    return at;
}

void buffer_append(struct buffer *b, const void *data, size_t bytes)
{
    if (bytes)
        memcpy(buffer_grow(b, bytes), data, bytes);
}
