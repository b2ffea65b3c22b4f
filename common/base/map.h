/* Hash map from uint64 to uint32: open addressing, linear probing, deletion by shifting back. O(1) expected. Its user
 * bounds what goes into it; it aborts when the process has no memory. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
    struct map_slot *slot;
    size_t capacity, count;
};

void map_free(struct map *m);
/* false: absent. */
bool map_get(const struct map *m, uint64_t key, uint32_t *value);
void map_put(struct map *m, uint64_t key, uint32_t value);
void map_remove(struct map *m, uint64_t key);
