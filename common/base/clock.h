/* Time. Cores never call this: their shells pass `now` in. */
#pragma once
#include "base/moment.h"
#include <stdbool.h>
#include <stdint.h>

/* Monotonic microseconds: intervals, deadlines. */
int64_t clock_mono_us(void);
/* Unix time in milliseconds, UTC: what is stored and shown. */
int64_t clock_wall_ms(void);
struct moment clock_moment(void);

enum { CLOCK_TEXT_BYTES = 32 };
/* "2025-10-15T01:46:24.000Z"; the milliseconds are left out when 0. */
void clock_format_ms(int64_t unix_ms, char text[static CLOCK_TEXT_BYTES]);
/* RFC 3339: "2025-10-15", "2025-10-15T01:46:24Z", "…24.120+07:00". A date alone is its first instant in UTC.
 * false: not such a text, or outside the years 1970..2200. */
bool clock_parse_ms(const char *text, int64_t *unix_ms);
