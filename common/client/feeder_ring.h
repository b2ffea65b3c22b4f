/* Envelopes without a receipt, in order of their seq, back to back in one block of memory: nothing is allocated per
 * submission. Bounded in number and in bytes. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feeder_ring {
    uint8_t *data;
    struct feeder_ring_entry {
        uint64_t before; /* bytes of all that came before it */
        uint64_t digest; /* of all submissions of the epoch up to this one (D17) */
        uint32_t offset, bytes;
        bool refused; /* D9: settled, but kept until a receipt passes it, as the ingestor may forget that it refused it
                       */
    } * entry;
    size_t size, tail;       /* tail: where the next envelope goes, if it fits there */
    uint32_t mask;           /* entries - 1 */
    uint64_t shift;          /* of all renumberings: the slot of seq is (seq + shift) & mask */
    uint64_t first, end;     /* holds seqs first .. end - 1 */
    uint64_t pushed;         /* bytes of all that ever came */
    uint64_t dropped_digest; /* of all submissions of the epoch before `first` */
};

/* entries: a power of two. */
void feeder_ring_init(struct feeder_ring *r, size_t bytes, uint32_t entries);
void feeder_ring_free(struct feeder_ring *r);
/* Empty, and the next one is `seq`; the digest is that of all before it. */
void feeder_ring_restart(struct feeder_ring *r, uint64_t seq, uint64_t digest);

/* Room for an envelope with seq `end`; NULL: none now. Counted only by feeder_ring_push. */
uint8_t *feeder_ring_reserve(struct feeder_ring *r, size_t bytes);
void feeder_ring_push(struct feeder_ring *r, const uint8_t *reserved, size_t bytes);
/* Forgets everything up to seq, which has this digest. */
void feeder_ring_drop(struct feeder_ring *r, uint64_t up_to_seq, uint64_t digest);
/* What is first becomes 1, and so on, of a new epoch. */
void feeder_ring_renumber(struct feeder_ring *r);

static inline bool feeder_ring_holds(const struct feeder_ring *r, uint64_t seq)
{
    return seq >= r->first && seq < r->end;
}
static inline struct feeder_ring_entry *feeder_ring_at(const struct feeder_ring *r, uint64_t seq)
{
    return &r->entry[(seq + r->shift) & r->mask];
}
/* Bytes of what it holds up to seq. */
static inline uint64_t feeder_ring_bytes(const struct feeder_ring *r, uint64_t up_to_seq)
{
    const struct feeder_ring_entry *last = feeder_ring_at(r, up_to_seq);
    return last->before + last->bytes - feeder_ring_at(r, r->first)->before;
}
