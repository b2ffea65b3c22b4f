#include "client/feeder_ring.h"
#include "base/err.h"
#include "client/feeder_pack.h"
#include "wire/digest.h"
#include <stdlib.h>

void feeder_ring_init(struct feeder_ring *r, size_t bytes, uint32_t entries)
{
    ASSERT(entries && (entries & (entries - 1)) == 0 && bytes <= UINT32_MAX);
    *r = (struct feeder_ring){.size = bytes, .mask = entries - 1, .first = 1, .end = 1};
    r->data = malloc(bytes);
    r->entry = calloc(entries, sizeof *r->entry);
    ASSERT(r->data && r->entry);
}

void feeder_ring_free(struct feeder_ring *r)
{
    free(r->data);
    free(r->entry);
    *r = (struct feeder_ring){0};
}

void feeder_ring_restart(struct feeder_ring *r, uint64_t seq, uint64_t digest)
{
    r->dropped_digest = digest;
    r->first = r->end = seq;
    r->tail = 0;
}

uint8_t *feeder_ring_reserve(struct feeder_ring *r, size_t bytes)
{
    if (r->first == r->end)
        r->tail = 0;
    else if (r->end - r->first > r->mask)
        return NULL;
    size_t head = r->first == r->end ? r->size : feeder_ring_at(r, r->first)->offset;
    bool wrapped = r->first != r->end && r->tail <= head; /* the used part goes over the end of the block */
    if (bytes <= (wrapped ? head - r->tail : r->size - r->tail))
        return r->data + r->tail;
    return !wrapped && r->first != r->end && bytes <= head ? r->data : NULL;
}

static uint64_t digest_after(uint64_t before, const uint8_t *envelope, size_t bytes)
{
    size_t body_bytes;
    const uint8_t *body = feeder_pack_body(envelope, bytes, &body_bytes);
    return wire_digest(before, body, body_bytes);
}

void feeder_ring_push(struct feeder_ring *r, const uint8_t *reserved, size_t bytes)
{
    size_t offset = (size_t)(reserved - r->data);
    uint64_t before = r->first == r->end ? r->dropped_digest : feeder_ring_at(r, r->end - 1)->digest;
    *feeder_ring_at(r, r->end++) = (struct feeder_ring_entry){.before = r->pushed,
                                                              .digest = digest_after(before, reserved, bytes),
                                                              .offset = (uint32_t)offset,
                                                              .bytes = (uint32_t)bytes};
    r->pushed += bytes;
    r->tail = offset + bytes;
}

void feeder_ring_drop(struct feeder_ring *r, uint64_t up_to_seq, uint64_t digest)
{
    if (up_to_seq >= r->end)
        feeder_ring_restart(r, up_to_seq + 1, digest);
    else if (up_to_seq >= r->first) {
        r->first = up_to_seq + 1;
        r->dropped_digest = digest;
    }
}

void feeder_ring_renumber(struct feeder_ring *r)
{
    uint64_t shift = r->first - 1;
    r->first -= shift;
    r->end -= shift;
    r->shift += shift;
    uint64_t digest = r->dropped_digest = 0;
    for (uint64_t seq = r->first; seq < r->end; seq++) {
        struct feeder_ring_entry *entry = feeder_ring_at(r, seq);
        uint32_t shorter = (uint32_t)feeder_pack_renumber(r->data + entry->offset, entry->bytes, seq);
        entry->offset += shorter;
        entry->bytes -= shorter;
        entry->digest = digest = digest_after(digest, r->data + entry->offset, entry->bytes);
    }
}
