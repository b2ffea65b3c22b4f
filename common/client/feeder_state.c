#include "client/feeder_state.h"

STATE_MACHINE(feeder_machine, "feeder", FEEDER_EDGES, "greeting", "welcomed", "failed");

void feeder_enter(struct feeder_core *c, enum feeder_state state) { STATE_ENTER(&feeder_machine, c->state, state); }

void feeder_assert(const struct feeder_core *c)
{
    ASSERT(c->receipted <= c->settled && c->settled <= c->released && c->released <= c->last);
    ASSERT(c->receipted < c->ring.first && c->ring.first <= c->settled + 1);
    ASSERT(c->ring.first <= c->next_send && c->next_send <= c->ring.end && c->ring.end <= c->last + 1);
    ASSERT((c->state == FEEDER_FAILED) == (c->failure != OK));
}

bool feeder_core_digest(const struct feeder_core *c, uint64_t seq, uint64_t *digest)
{
    if (seq >= c->ring.end)
        return c->io.digest && c->io.digest(c->io.ctx, seq, digest) == OK;
    if (seq == c->receipted)
        *digest = c->receipted_digest;
    else if (seq + 1 == c->ring.first)
        *digest = c->ring.dropped_digest;
    else if (feeder_ring_holds(&c->ring, seq))
        *digest = feeder_ring_at(&c->ring, seq)->digest;
    else
        return false;
    return true;
}

/* Of refused ones that the ring has dropped nobody knows any more; the next receipt says the same. */
bool feeder_is_ours(const struct feeder_core *c, uint64_t seq, uint64_t digest)
{
    uint64_t own;
    if (seq < c->receipted || (seq != c->receipted && seq + 1 < c->ring.first))
        return true;
    return feeder_core_digest(c, seq, &own) && own == digest;
}
