/* The connections that follow something, and what they might follow when they began: libzmq cannot take a subscription
 * away again, so a connection ends when what it may follow is not the same any more. It comes again by itself, and is
 * judged anew. One thread; O(connections) when rights change, and each second for those that end by the clock. */
#pragma once
#include "auth/who.h"
#include "base/moment.h"
#include "link/link.h"

struct followers {
    struct follower *of; /* by descriptor */
    size_t capacity;
    uint64_t changed; /* of the rights, when they were last looked at */
    int64_t look_us;
};

/* It has asked to follow something, and was judged by these rights. */
void followers_note(struct followers *f, struct link_message *m, const struct access *a, int64_t wall_ms);
/* Ends those whose rights are others now. Returns how many; *due_us: when to look again at the latest. */
unsigned followers_look(struct followers *f, const struct access *a, struct moment now, int64_t *due_us);
void followers_free(struct followers *f);
