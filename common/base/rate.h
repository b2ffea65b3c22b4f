/* So much in a second, and no more (a token bucket, kept as the time at which it will be full again). Up to one
 * second's worth may come at once. Pure; O(1). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { RATE_SECOND_US = 1000000 };

struct rate {
    int64_t full_us; /* 0: it always was */
};

static inline bool rate_idle(const struct rate *r, int64_t now_us) { return r->full_us <= now_us; }

/* How long until something may be taken; 0: now. per_s: 0: no bound. */
static inline int64_t rate_wait_us(const struct rate *r, int64_t now_us, int64_t per_s)
{
    int64_t wait_us = per_s ? r->full_us - now_us - RATE_SECOND_US + RATE_SECOND_US / per_s : 0;
    return wait_us > 0 && !rate_idle(r, now_us) ? wait_us : 0;
}

/* Whatever is left: what is larger than a second's worth may be taken from a full bucket, and is paid for afterwards.
 */
static inline void rate_take(struct rate *r, int64_t now_us, int64_t per_s, int64_t amount)
{
    if (!per_s)
        return;
    int64_t from_us = rate_idle(r, now_us) ? now_us : r->full_us;
    r->full_us = from_us + (int64_t)((double)amount * RATE_SECOND_US / (double)per_s);
}
