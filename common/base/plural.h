/* A noun as its number wants it: printf("%zu %s", n, plural(n, "row", "rows")). */
#pragma once
#include <stdint.h>

static inline const char *plural(uint64_t count, const char *one, const char *many) { return count == 1 ? one : many; }
