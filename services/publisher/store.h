/* State as the publisher reads it (rule I15d). */
#pragma once
#include "base/settings.h"
#include "services/publisher/core.h"
#include "state/state.h"
#include <sys/stat.h>

struct publisher_store {
    const char *directory; /* the <dir> of the state; the caller's */
    const struct settings *settings;
    struct state *state; /* NULL: not there yet, or replaced */
    struct stat file;    /* what was opened */
    int64_t told_us;     /* when it was logged that it cannot be read */
};

/* The `reload` of the core's io table. State that cannot be read is logged, once in a while. */
void publisher_store_reload(struct publisher_store *s, struct publisher *core, uint64_t journal_id, uint32_t partition);
void publisher_store_close(struct publisher_store *s);
