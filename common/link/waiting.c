#include "link/waiting.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* One for each peer that something waits for; when nothing does, another peer may have it. */
struct waiting {
    struct waiting *next;
    const void *socket;
    uint64_t peer;
    atomic_size_t bytes;
};

struct parcel {
    struct waiting *of;
    size_t bytes;
    uint8_t data[];
};

static struct waiting *first;

static struct waiting *waiting_new(void)
{
    struct waiting *w = calloc(1, sizeof *w);
    ASSERT(w);
    atomic_init(&w->bytes, 0);
    w->next = first;
    return first = w;
}

struct waiting *waiting_of(const void *socket, uint64_t peer)
{
    struct waiting *vacant = NULL;
    for (struct waiting *w = first; w; w = w->next) {
        if (w->socket == socket && w->peer == peer)
            return w;
        if (atomic_load(&w->bytes) == 0)
            vacant = w;
    }
    if (!vacant)
        vacant = waiting_new();
    vacant->socket = socket;
    vacant->peer = peer;
    return vacant;
}

size_t waiting_bytes(const struct waiting *w) { return atomic_load(&w->bytes); }

/* Called by a thread of libzmq. */
static void let_go(void *data, void *hint)
{
    (void)data;
    struct parcel *p = hint;
    atomic_fetch_sub(&p->of->bytes, p->bytes);
    free(p);
}

void waiting_message(struct waiting *w, zmq_msg_t *out, const void *data, size_t bytes)
{
    struct parcel *p = malloc(sizeof *p + bytes);
    ASSERT(p);
    p->of = w;
    p->bytes = bytes;
    memcpy(p->data, data, bytes);
    atomic_fetch_add(&w->bytes, bytes);
    int failed = zmq_msg_init_data(out, p->data, bytes, let_go, p);
    ASSERT(!failed);
}

void waiting_free(void)
{
    while (first) {
        struct waiting *w = first;
        first = w->next;
        free(w);
    }
}
