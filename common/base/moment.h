/* What time it is: the only clock a core knows. Its caller reads it (clock_moment) and passes it in. */
#pragma once
#include <stdint.h>

struct moment {
    int64_t mono_us; /* monotonic: intervals, deadlines */
    int64_t wall_ms; /* Unix time, UTC: what is stored and shown; may jump */
};
