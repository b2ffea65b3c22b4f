/* Time. Cores never call this: their shells pass `now` in. */
#pragma once
#include "base/moment.h"
#include <stdint.h>

/* Monotonic microseconds: intervals, deadlines. */
int64_t clock_mono_us(void);
/* Unix time in milliseconds, UTC: what is stored and shown. */
int64_t clock_wall_ms(void);
struct moment clock_moment(void);
