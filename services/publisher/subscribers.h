/* How many subscriptions each connection to the feed has that are to no topic (F12): libzmq keeps them, at some 60
 * bytes each. Connections are known by what libzmq calls them while they are open; that a name is used again costs a
 * client at worst what the one before had. Pure; O(1); bounded. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { SUBSCRIBERS = 4096 };

struct subscribers {
    struct subscriber {
        const void *connection;
        int64_t count;
    } of[SUBSCRIBERS]; /* by hash: those that share a place push each other out */
};

/* One more, or (not wanted) one less. connection NULL: one that has ended. false: it would be more than most. */
bool subscribers_take(struct subscribers *s, const void *connection, bool wanted, int64_t most);
