/* How far a topic's deltas are merged: as far as there is work to do, and no further (rule F13). After a delta the next
 * one of its topic waits PACE_WAIT times as long as all work since takes, of whatever topic: with little to do a change
 * goes out at once; the more comes, the more is merged, and telling it takes a small part of the time that the machine
 * has. The costs are estimates, so that a core needs no clock for them. Pure. */
#pragma once
#include <stdint.h>

enum {
    PACE_ENTRY_US = 2,  /* an entry of the journal is checked, applied and told */
    PACE_ROW_US = 2,    /* a row is ranked and packed */
    PACE_DELTA_US = 20, /* a delta is sent, and read by whoever has subscribed on this machine */
    PACE_WAIT = 12,
};

/* work_us: since the topic's last delta, that delta's own included. */
static inline int64_t pace_wait_us(uint64_t work_us, int64_t most_us)
{
    return work_us < (uint64_t)most_us / PACE_WAIT ? PACE_WAIT * (int64_t)work_us : most_us;
}
