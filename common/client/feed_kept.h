/* Deltas that came before what they build on (rules F1, F3): of one epoch, by seq, bounded. Pure. */
#pragma once
#include "feed.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_kept {
    uint64_t epoch;
    struct feed_kept_delta {
        uint64_t prev_seq, seq;
        uint8_t *packed;
        size_t bytes;
    } * delta; /* ascending seq */
    size_t count, capacity, bytes;
};

/* Copies the packed delta. One of another epoch takes the place of all that are there; when there is no more room,
 * everything is forgotten: what is missing is asked for later (F4). */
void feed_kept_add(struct feed_kept *k, const Parbus__Delta *delta, const uint8_t *packed, size_t bytes);
/* Takes out the delta after (epoch, seq), and forgets what is not after it; NULL: it is not here. Free it with
 * parbus__delta__free_unpacked. */
Parbus__Delta *feed_kept_take(struct feed_kept *k, uint64_t epoch, uint64_t seq);
void feed_kept_free(struct feed_kept *k);
