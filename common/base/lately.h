/* How much of what is counted came in the last ten to twenty seconds. Pure; zero is right. */
#pragma once
#include <stdint.h>

enum { LATELY_US = 10000000 };

struct lately {
    uint64_t then, last;
    int64_t last_us;
};

/* Once per turn, with the same clock. */
static inline uint64_t lately_of(struct lately *l, uint64_t counted, int64_t now_us)
{
    if (now_us - l->last_us >= LATELY_US) {
        l->then = now_us - l->last_us < 2 * LATELY_US ? l->last : counted;
        l->last = counted;
        l->last_us = now_us;
    }
    return counted - l->then;
}
