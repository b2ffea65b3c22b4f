/* State behind the scorer's core. Used by the scorer and by replay. */
#pragma once
#include "base/settings.h"
#include "services/scorer/core.h"

struct scorer_store {
    const char *directory; /* the <dir> of the state, which is made when it is missing; the caller's */
    const struct settings *settings;
    struct state *state; /* writer; NULL: not opened yet */
};

void scorer_store_close(struct scorer_store *s);

/* ctx: struct scorer_store. */
extern const struct scorer_store_io scorer_store_functions;
