#include "client/feed_kept.h"
#include "base/err.h"
#include "client/feed_table.h"
#include <stdlib.h>
#include <string.h>

static void drop_first(struct feed_kept *k, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        k->bytes -= k->delta[i].bytes;
        free(k->delta[i].packed);
    }
    k->count -= count;
    if (count)
        memmove(k->delta, k->delta + count, k->count * sizeof *k->delta);
}

static void clear(struct feed_kept *k) { drop_first(k, k->count); }

void feed_kept_free(struct feed_kept *k)
{
    clear(k);
    free(k->delta);
    *k = (struct feed_kept){0};
}

static void insert(struct feed_kept *k, size_t at, struct feed_kept_delta delta)
{
    if (k->count == k->capacity) {
        k->capacity = k->capacity ? 2 * k->capacity : 16;
        k->delta = reallocarray(k->delta, k->capacity, sizeof *k->delta);
        ASSERT(k->delta);
    }
    memmove(k->delta + at + 1, k->delta + at, (k->count - at) * sizeof *k->delta);
    k->delta[at] = delta;
    k->count++;
    k->bytes += delta.bytes;
}

void feed_kept_add(struct feed_kept *k, const Parbus__Delta *delta, const uint8_t *packed, size_t bytes)
{
    if (delta->epoch != k->epoch || k->count == FEED_KEPT_MAX || k->bytes + bytes > FEED_KEPT_BYTES_MAX)
        clear(k);
    k->epoch = delta->epoch;
    size_t at = k->count;
    while (at && k->delta[at - 1].seq > delta->seq)
        at--;
    if (at && k->delta[at - 1].seq == delta->seq)
        return;
    uint8_t *copy = malloc(bytes + 1);
    ASSERT(copy);
    memcpy(copy, packed, bytes);
    insert(k, at, (struct feed_kept_delta){delta->prev_seq, delta->seq, copy, bytes});
}

Parbus__Delta *feed_kept_take(struct feed_kept *k, uint64_t epoch, uint64_t seq)
{
    if (k->epoch != epoch)
        clear(k);
    size_t old = 0;
    while (old < k->count && k->delta[old].seq <= seq)
        old++;
    drop_first(k, old);
    if (!k->count || k->delta[0].prev_seq != seq)
        return NULL;
    Parbus__Delta *delta = parbus__delta__unpack(NULL, k->delta[0].bytes, k->delta[0].packed);
    drop_first(k, 1);
    return delta;
}
