/* A key brought in over the network (PROTOCOL.md, A8 and A9): with an invitation, or in the place of the one that the
 * connection is made with. Blocks; link_shutdown stays the caller's. */
#pragma once
#include "context/context.h"

struct joining {
    const struct context *with; /* its door, its server, its key */
    const uint8_t *token;       /* of an invitation for this key; NULL: */
    const uint8_t *public_key;  /* … the key that is to come for it */
    int64_t overlap_ms;
    /* The answer: */
    char name[CONTEXT_NAME_BYTES];
    int64_t old_until_ms;
};

/* Asked until it is answered: asking again for what is done already is answered in the same way. ERR_INVALID: it was
 * refused, and why; ERR_TIMEOUT: nobody answered within patience_us, so it is not known whether it was done. */
enum err joining_ask(struct joining *j, int64_t patience_us, struct err_text *e);
