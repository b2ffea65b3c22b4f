/* Points in time as text, RFC 3339 in UTC. Pure: who asks what time it is asks clock.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { DATE_TEXT_BYTES = 32 };
/* "2025-10-15T01:46:24.000Z"; the milliseconds are left out when 0. */
void date_format_ms(int64_t unix_ms, char text[static DATE_TEXT_BYTES]);
/* RFC 3339: "2025-10-15", "2025-10-15T01:46:24Z", "…24.120+07:00". A date alone is its first instant in UTC.
 * false: not such a text, or outside the years 1970..2200. */
bool date_parse_ms(const char *text, int64_t *unix_ms);
