#include "base/ends.h"
#include "base/bytes.h"

static uint64_t hash_of(const char *name) { return hash_bytes(name, strlen(name)); }

void ends_add(struct ends *e, const char *name, int64_t now_us)
{
    size_t at = e->count++ % ENDS_KEPT;
    e->end[at].name_hash = hash_of(name);
    e->end[at].at_us = now_us;
}

uint32_t ends_lately(const struct ends *e, const char *name, int64_t now_us)
{
    uint64_t name_hash = hash_of(name);
    uint32_t found = 0;
    for (size_t i = 1; i <= e->count && i <= ENDS_KEPT; i++) {
        size_t at = (e->count - i) % ENDS_KEPT;
        if (now_us - e->end[at].at_us > ENDS_LATELY_US)
            break;
        found += e->end[at].name_hash == name_hash;
    }
    return found;
}
