/* Waiting for what nobody tells us of: a lock that is given back, a process that ends. */
#pragma once
#include <stdbool.h>

/* Looks at once, then every every_ms. false: not within most_ms. */
bool await(bool (*is_so)(void *ctx), void *ctx, int every_ms, int most_ms);
