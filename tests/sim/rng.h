/* Chance out of a seed (splitmix64 by S. Vigna, public domain): the same seed, the same run. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* 0 .. count-1 */
static inline uint32_t rng_below(struct rng *r, uint32_t count)
{
    return (uint32_t)((rng_next(r) >> 32) * count >> 32);
}
/* least .. most */
static inline int64_t rng_between(struct rng *r, int64_t least, int64_t most)
{
    return least + (int64_t)(rng_next(r) % (uint64_t)(most - least + 1));
}
static inline bool rng_chance(struct rng *r, uint32_t per_million) { return rng_below(r, 1000000) < per_million; }
