/* A reactor under test with a directory of its own: what its hooks were called with, and peers that talk to it. */
#pragma once
#include "reactor/reactor.h"
#include <criterion/criterion.h>

enum { WORLD_DEADLINE_US = 10000000, WORLD_HEARD_MAX = 4096 };

struct heard {
    unsigned source;
    struct peer peer;
    uint32_t kind;
    enum err err;
    uint64_t request; /* of a SnapshotRequest */
    char why[256];
    struct moment now;
};

struct reactor_world {
    char directory[64];
    struct reactor *reactor;
    struct reactor_options options;
    struct heard heard[WORLD_HEARD_MAX];
    unsigned heard_count, ticks;
    int64_t tick_in_us; /* what tick returns, from now on; INT64_MAX: never */
    void (*on_message)(const struct heard *h);
    void (*on_tick)(struct moment now);
    struct err_text e;
};

extern struct reactor_world world;

void world_open(const struct reactor_source *rows, unsigned count);
void world_close(void);
/* Steps until the condition holds; fails after WORLD_DEADLINE_US. */
#define WORLD_UNTIL(condition)                                                                                         \
    do {                                                                                                               \
        int64_t world_end_us = clock_mono_us() + WORLD_DEADLINE_US;                                                    \
        while (!(condition) && reactor_step(world.reactor, clock_mono_us() + 10000))                                   \
            cr_assert_lt(clock_mono_us(), world_end_us, "%s", #condition);                                             \
        cr_assert(condition);                                                                                          \
    } while (0)

/* A peer of the world's own, closed with it. */
void *world_peer(int type, enum link_mode mode, const char *name);
void world_request(void *socket, uint64_t request);
