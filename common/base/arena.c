#include "base/arena.h"
#include "base/err.h"
#include <sys/mman.h>

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (rounded < bytes || rounded > a->size - a->used)
        return NULL;
    void *p = a->base + a->used;
    a->used += rounded;
    return p;
}

static void *unpack_alloc(void *data, size_t bytes) { return arena_alloc(data, bytes); }
static void unpack_free(void *data, void *p) { (void)data, (void)p; }

void arena_init(struct arena *a, size_t size)
{
    a->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(a->base != MAP_FAILED);
    a->used = 0;
    a->size = size;
    a->allocator = (ProtobufCAllocator){.alloc = unpack_alloc, .free = unpack_free, .allocator_data = a};
}

void arena_free(struct arena *a)
{
    if (a->base)
        munmap(a->base, a->size);
    *a = (struct arena){0};
}
