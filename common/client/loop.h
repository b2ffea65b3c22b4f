/* Deadlines as callers of the library see them. Private to common/client. */
#pragma once
#include "base/clock.h"
#include "base/deadline.h"
#include <limits.h>

/* < 0: never. */
static inline int64_t deadline_after_ms(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : clock_mono_us() + (int64_t)timeout_ms * 1000;
}

/* Rounded up, so that nobody wakes a moment too early again and again; -1: never. */
static inline int ms_until(int64_t deadline_us)
{
    if (deadline_us == INT64_MAX)
        return -1;
    int64_t ms = (us_until(deadline_us, clock_mono_us()) + 999) / 1000;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}
