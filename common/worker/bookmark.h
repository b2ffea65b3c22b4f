/* Where a worker is: it notes (partition, pseq) before each entry of the journal that it looks at, in memory that
 * outlives it, so that whoever starts after it under the same name can say what it ended at (rule I17a). One writer,
 * the worker; two stores for each entry. */
#pragma once
#include <stdint.h>

struct bookmark {
    volatile uint64_t pseq; /* 0: at none */
    volatile uint32_t partition;
};

static inline void bookmark_set(struct bookmark *m, uint32_t partition, uint64_t pseq)
{
    m->pseq = 0; /* never a pseq beside another's partition */
    m->partition = partition;
    m->pseq = pseq;
}
static inline void bookmark_clear(struct bookmark *m) { m->pseq = 0; }
