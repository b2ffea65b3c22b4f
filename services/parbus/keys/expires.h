/* When something ends, as people say it. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* "30m", "12h", "90d": from 1 of them to ten years. */
bool expires_read_span(const char *text, int64_t *ms);
/* The same from now on, or a date or a time (RFC 3339) after now. */
bool expires_read(const char *text, int64_t now_ms, int64_t *until_ms);
