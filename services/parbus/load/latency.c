#include "base/err.h"
#include "services/parbus/load/load.h"
#include <stdlib.h>

/* Powers of two, each cut into 2^LATENCY_FINE_BITS equal parts. */
static unsigned bucket_of(uint64_t us)
{
    if (us < 1u << LATENCY_FINE_BITS)
        return (unsigned)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - LATENCY_FINE_BITS;
    return ((shift + 1) << LATENCY_FINE_BITS) + (unsigned)(us >> shift & ((1u << LATENCY_FINE_BITS) - 1));
}

/* The greatest time that falls into the bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    unsigned shift = bucket >> LATENCY_FINE_BITS;
    if (shift == 0)
        return bucket;
    uint64_t part = (1u << LATENCY_FINE_BITS) + (bucket & ((1u << LATENCY_FINE_BITS) - 1));
    return ((part + 1) << (shift - 1)) - 1;
}

void load_latency_add(struct load_latency *l, uint64_t us)
{
    l->bucket[bucket_of(us)]++;
    l->count++;
    if (us > l->max_us)
        l->max_us = us;
}

uint64_t load_latency_at(const struct load_latency *l, double share)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += l->bucket[i];
        if (seen && (double)seen >= share * (double)l->count)
            return bucket_end(i) < l->max_us ? bucket_end(i) : l->max_us;
    }
    return 0;
}

void load_queue_free(struct load_queue *q)
{
    free(q->sent);
    *q = (struct load_queue){0};
}

static void grow(struct load_queue *q)
{
    size_t capacity = q->capacity ? 2 * q->capacity : 16;
    struct load_sent *sent = malloc(capacity * sizeof *sent);
    ASSERT(sent);
    for (size_t i = 0; i < q->count; i++)
        sent[i] = q->sent[(q->first + i) & (q->capacity - 1)];
    free(q->sent);
    *q = (struct load_queue){.sent = sent, .count = q->count, .capacity = capacity};
}

void load_queue_push(struct load_queue *q, uint64_t seq, int64_t at_us)
{
    if (q->count == q->capacity)
        grow(q);
    q->sent[(q->first + q->count++) & (q->capacity - 1)] = (struct load_sent){seq, at_us};
}

size_t load_queue_shown(struct load_queue *q, uint64_t seq, int64_t now_us, struct load_latency *l)
{
    size_t before = q->count;
    for (; q->count && q->sent[q->first].seq <= seq; q->count--) {
        load_latency_add(l, (uint64_t)(now_us - q->sent[q->first].at_us));
        q->first = (q->first + 1) & (q->capacity - 1);
    }
    return before - q->count;
}
