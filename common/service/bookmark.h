/* Where a worker is: it notes (partition, pseq) before each entry of the journal that it looks at, in memory that
 * outlives it, so that whoever starts after it under the same name can say what it ended at (rule I17). One writer, the
 * worker; two stores for each entry. */
#pragma once
#include "base/err.h"
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

/* Maps the file `<directory>/run/<instance>.bookmark`, made when it is missing. *before is what it said, then it says
 * none. A file of another size says none. ERR_IO. The file stays: it belongs to the instance, not to the process. A
 * page of a store that cannot be read (store.h) ends the process and blames no entry. One bookmark per process. */
enum err bookmark_open(struct bookmark **bookmark, struct bookmark *before, const char *directory, const char *instance,
                       struct err_text *e);
void bookmark_close(struct bookmark **bookmark);
