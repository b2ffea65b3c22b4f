/* A publisher core with everything around it made up: scorers that change units, a state that lags behind them, and a
 * catalog. One series, "little/2025". All chance comes from one seed. */
#pragma once
#include "at.h"
#include "little_catalog.h"
#include "page.h"
#include "services/publisher/core.h"

enum { WORLD_UNITS = 40, WORLD_TOPS = 3, WORLD_NODES = WORLD_TOPS + 1, WORLD_PARTITIONS = 4, WORLD_MS = 1000 };
#define WORLD_TOPIC "little/2025"

struct world_unit {
    int64_t points[WORLD_NODES];
    bool present, complete;
    uint32_t appraised_share;
    uint64_t cause_seq;
    bool touched; /* since the last Scores of its partition */
};

struct world {
    uint64_t random;
    struct catalog *catalog;
    struct settings settings;
    struct metrics metrics;
    struct world_unit now[WORLD_UNITS], committed[WORLD_UNITS];
    uint64_t pseq[WORLD_PARTITIONS], sent_pseq[WORLD_PARTITIONS], committed_pseq[WORLD_PARTITIONS];
    uint64_t epoch;
    struct publisher *publisher;
    int64_t now_us;

    const char *principal; /* of those who ask; NULL: the owner */
    void *ctx;             /* where the publisher's messages go; NULL: nowhere */
    void (*publish)(void *ctx, const char *topic, const void *event, size_t bytes);
    enum err (*answer)(void *ctx, uint64_t peer, const void *message, size_t bytes);
};

/* The publisher has started. */
void world_init(struct world *w, uint64_t seed);
void world_free(struct world *w);
/* A number below `below`. */
uint64_t world_random(struct world *w, uint64_t below);

/* The publisher is welcome, and starts. */
void world_welcome(struct world *w, uint32_t partitions);
/* It hears of one more control. Frees the page. */
void world_control(struct world *w, struct page *page);
/* Another publisher in its place, with what state holds. */
void world_restart(struct world *w);

/* A scorer applies something that changes a few units of one partition. */
void world_change(struct world *w);
void world_set(struct world *w, uint32_t unit, int64_t points, bool complete);

/* Scores of what has changed since the last one; packed as it travels. */
void world_scores(struct world *w, uint32_t partition, struct buffer *out);
void world_commit(struct world *w, uint32_t partition);
void world_committed(struct world *w, struct buffer *out);
/* Hands a packed ToPublisher or ToSnapshots to the publisher. */
void world_deliver(struct world *w, const struct buffer *message);
void world_ask(struct world *w, uint64_t peer, const struct buffer *message);
/* world_scores and world_deliver. */
void world_send_scores(struct world *w, uint32_t partition);

/* Of a publisher's io table: nobody listens. */
wire_send_fn world_send;
tell_fn world_hear;

static inline uint32_t world_partition(uint32_t unit) { return unit % WORLD_PARTITIONS; }
int64_t world_tick(struct world *w);
