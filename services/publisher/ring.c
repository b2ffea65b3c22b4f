#include "services/publisher/ring.h"
#include "base/err.h"
#include <stdlib.h>

static void unlink_global(struct ring *r, struct ring_delta *d)
{
    ASSERT(r->bytes >= d->bytes);
    *(d->older ? &d->older->newer : &r->oldest) = d->newer;
    *(d->newer ? &d->newer->older : &r->newest) = d->older;
    r->bytes -= d->bytes;
}

static void drop_first(struct ring *r, struct ring_topic *t)
{
    struct ring_delta *d = t->first;
    t->first = d->next;
    if (!t->first)
        t->last = NULL;
    t->count--;
    unlink_global(r, d);
    ASSERT((t->count == 0) == (t->first == NULL) && (r->oldest != NULL || r->bytes == 0));
    free(d);
}

static void link_newest(struct ring *r, struct ring_topic *t, struct ring_delta *d)
{
    *(r->newest ? &r->newest->newer : &r->oldest) = d;
    r->newest = d;
    r->bytes += d->bytes;
    *(t->last ? &t->last->next : &t->first) = d;
    t->last = d;
    t->count++;
}

struct ring_delta *ring_add(struct ring *r, struct ring_topic *t, uint64_t prev_seq, uint64_t seq, size_t bytes)
{
    ASSERT(seq > prev_seq && (!t->last || t->last->seq == prev_seq)); /* a chain without holes */
    struct ring_delta *d = malloc(sizeof *d + bytes);
    ASSERT(d);
    *d = (struct ring_delta){.older = r->newest, .topic = t, .prev_seq = prev_seq, .seq = seq, .bytes = bytes};
    link_newest(r, t, d);
    while (t->count > r->deltas_max && t->first != d)
        drop_first(r, t);
    /* The oldest of all is the oldest of its topic, so every topic stays without holes. */
    while (r->bytes > r->bytes_max && r->oldest != d)
        drop_first(r, r->oldest->topic);
    return d;
}

const struct ring_delta *ring_after(const struct ring_topic *t, uint64_t seq)
{
    if (!t->first || seq < t->first->prev_seq)
        return NULL;
    const struct ring_delta *d = t->first;
    while (d && d->prev_seq != seq)
        d = d->next;
    return d;
}

void ring_clear(struct ring *r)
{
    while (r->oldest)
        drop_first(r, r->oldest->topic);
}
