/* Points on the caller's clock, in microseconds; INT64_MAX: never. Pure: cores use it too. */
#pragma once
#include <stdint.h>

/* Of two points the one that comes first, of two lengths of time the shorter. */
static inline int64_t earlier_us(int64_t a_us, int64_t b_us) { return a_us < b_us ? a_us : b_us; }
/* How long it is until then; 0: the point has passed. */
static inline int64_t us_until(int64_t deadline_us, int64_t now_us)
{
    return deadline_us > now_us ? deadline_us - now_us : 0;
}
