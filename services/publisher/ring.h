/* Recent deltas, packed, that answer "resume from here" (rule F4). Bounded per topic by count and over all topics by
 * bytes; the oldest goes first. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct ring_topic {
    struct ring_delta *first, *last; /* ascending seq, without holes */
    size_t count;
};

struct ring_delta {
    struct ring_delta *older, *newer; /* over all topics */
    struct ring_delta *next;          /* in the topic */
    struct ring_topic *topic;
    uint64_t prev_seq, seq;
    size_t bytes;
    uint8_t packed[]; /* Delta */
};

struct ring {
    struct ring_delta *oldest, *newest;
    size_t bytes, bytes_max, deltas_max;
};

/* Room for a delta of `bytes`, which the caller fills; older ones make place. The newest one always stays. */
struct ring_delta *ring_add(struct ring *r, struct ring_topic *t, uint64_t prev_seq, uint64_t seq, size_t bytes);
/* The delta after seq; NULL: not kept any more, or not there yet. */
const struct ring_delta *ring_after(const struct ring_topic *t, uint64_t seq);
void ring_clear(struct ring *r);
