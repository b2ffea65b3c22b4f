/* A bump allocator with a cap: what one message may cost in memory, whatever its sender wrote into it. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct arena {
    char *base;
    size_t used, size;
    ProtobufCAllocator allocator; /* hand this to *_unpack; frees are ignored */
};

/* Reserves size bytes of address space; pages are touched only when used. Aborts when the process has no memory. */
void arena_init(struct arena *a, size_t size);
void arena_free(struct arena *a);
/* Everything handed out before is void. */
static inline void arena_reset(struct arena *a) { a->used = 0; }
/* 16-byte aligned, not zeroed; NULL when the cap is reached. */
void *arena_alloc(struct arena *a, size_t bytes);
