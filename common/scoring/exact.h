/* Rounding to whole micro-points, half away from zero, without an error before the one rounding. Private to
 * common/scoring. Only IEEE basic operations and integers are used, so that every x86-64 gives the same bits. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* a * b points to micro-points, exactly; saturates at the ends of int64; NaN gives 0. */
int64_t exact_product(double a, double b);

/* points_max * (value - from) / (to - from); value lies between from and to, which differ. */
int64_t exact_proportion(int64_t points_max, double value, double from, double to);

/* dividend / divisor; dividend >= 0, divisor > 0. */
static inline int64_t exact_quotient(__int128 dividend, __int128 divisor)
{
    return (int64_t)((dividend + divisor / 2) / divisor);
}
