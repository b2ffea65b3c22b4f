#include "base/map.h"
#include "base/bytes.h"
#include "base/err.h"
#include <stdlib.h>

struct map_slot {
    uint64_t key;
    uint32_t value;
    bool used;
};

void map_free(struct map *m)
{
    free(m->slot);
    *m = (struct map){0};
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find(const struct map *m, uint64_t key)
{
    size_t i = hash_mix(key) & (m->capacity - 1);
    while (m->slot[i].used && m->slot[i].key != key)
        i = (i + 1) & (m->capacity - 1);
    return i;
}

bool map_get(const struct map *m, uint64_t key, uint32_t *value)
{
    if (m->count == 0)
        return false;
    const struct map_slot *s = &m->slot[find(m, key)];
    if (s->used)
        *value = s->value;
    return s->used;
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->capacity = old.capacity ? old.capacity * 2 : 16;
    m->slot = calloc(m->capacity, sizeof *m->slot);
    ASSERT(m->slot);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slot[i].used)
            m->slot[find(m, old.slot[i].key)] = old.slot[i];
    free(old.slot);
}

void map_put(struct map *m, uint64_t key, uint32_t value)
{
    if ((m->count + 1) * 4 > m->capacity * 3)
        grow(m);
    struct map_slot *s = &m->slot[find(m, key)];
    m->count += !s->used;
    *s = (struct map_slot){key, value, true};
}

void map_remove(struct map *m, uint64_t key)
{
    if (m->count == 0)
        return;
    size_t mask = m->capacity - 1, hole = find(m, key);
    if (!m->slot[hole].used)
        return;
    m->count--;
    for (size_t i = (hole + 1) & mask; m->slot[i].used; i = (i + 1) & mask) {
        size_t home = hash_mix(m->slot[i].key) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slot[hole] = m->slot[i];
            hole = i;
        }
    }
    m->slot[hole].used = false;
}
