/* The order of the units of one table: an order-statistic tree on (score descending, unit ascending).
 * Competition ranks: equal scores are equal, 1, 1, 3. put, remove, rank: O(log N) expected; memory 45 to 90 bytes a
 * unit, in two blocks. The shape depends only on the units it holds, never on the order in which they came. One thread;
 * aborts when the process has no memory. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ranking;
struct ranking *ranking_new(void);
void ranking_destroy(struct ranking **r);

/* Puts a unit, or moves it. */
void ranking_put(struct ranking *r, uint32_t unit, int64_t score);
void ranking_remove(struct ranking *r, uint32_t unit); /* absent: no effect */

/* 1 + how many score more; 0: not in it. */
uint32_t ranking_rank(const struct ranking *r, uint32_t unit);
/* In order; stop by returning false. */
void ranking_each(const struct ranking *r, bool (*fn)(void *ctx, uint32_t rank, uint32_t unit, int64_t score),
                  void *ctx);
