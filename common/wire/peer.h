/* Whom a message is from. Pure. */
#pragma once
#include <stdint.h>

struct peer {
    uint64_t
        id; /* a connection, as long as it lasts; never 0. Where there is but one peer, or they are not told apart: 1 */
    const char *principal; /* who is authenticated behind it; "": nobody. Never NULL; valid during the call */
};

/* Nobody is authenticated behind it. */
static inline struct peer peer_unnamed(uint64_t id) { return (struct peer){id, ""}; }
