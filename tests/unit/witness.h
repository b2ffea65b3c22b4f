/* A subscriber who checks everything that a publisher core sends, beside a world of made-up scorers. */
#pragma once
#include "feed_world.h"

/* What a subscriber who loses nothing would hold, kept the naive way. */
struct model_row {
    bool present, complete;
    int64_t score;
};
struct witness {
    struct world world;
    struct arena arena;
    struct model_row row[WORLD_UNITS];
    uint64_t epoch, seq;
    unsigned deltas, rows, heartbeats;
    Parbus__Row last; /* of the last delta's first unit */
    /* answers */
    enum err refuse; /* what answering gives back */
    uint32_t kind[64];
    unsigned answers, resumed_deltas;
    uint32_t snapshot_rows, snapshot_present;
    uint64_t begin_seq, end_seq;
    bool topic_unknown, not_authorised, more;
    size_t topics; /* in the last list */
    char text[256];
};

struct witness *witness_new(uint64_t seed);
void witness_free(struct witness *v);
/* The rank of row i, counted one by one. */
uint32_t witness_rank(const struct model_row *row, size_t count, size_t i);
/* Takes an answer, or refuses it. */
enum err witness_on_answer(void *ctx, uint64_t peer, const void *message, size_t bytes);
void witness_ask_snapshot(struct witness *v, const char *topic, uint64_t request);
void witness_ask_topics(struct witness *v, uint64_t request);
void witness_ask_resume(struct witness *v, uint64_t epoch, uint64_t seq);
/* A change of one unit, published. */
void witness_publish_one(struct witness *v, uint32_t unit, int64_t points);
