/* One series on the feed: its table as published, the rows that have changed since, and its recent deltas. */
#pragma once
#include "base/buffer.h"
#include "base/states.h"
#include "services/publisher/core.h"
#include "services/publisher/ring.h"

enum {
    TOPIC_NAME_BYTES = 160,
    PACKED_ROWS_BYTES_MAX = 512 << 10, /* of one delta or one part of a snapshot; W3a allows 2 MiB */
};

/* Rows that have changed since the last delta; empty between two bursts. */
struct pending {
    uint32_t *slot_of_row; /* slot + 1; 0: none. One per row of the table */
    struct pending_row {
        uint32_t row;
        struct standing value;
    } * slot;
    int64_t *components;
    size_t count, capacity;
};

enum topic_state { TOPIC_QUIET, TOPIC_PENDING };

#define TOPIC_EDGES(X)                                                                                                 \
    X(TOPIC_QUIET, TOPIC_PENDING, "a row changes")                                                                     \
    X(TOPIC_PENDING, TOPIC_QUIET, "its delta is published, or all is as it was")
extern const struct state_machine topic_machine;

struct topic {
    const struct series *series;
    enum topic_state state; /* PENDING exactly while it has pending rows */
    char name[TOPIC_NAME_BYTES];
    struct standings *table; /* what subscribers have at seq */
    uint64_t *pseq;          /* of each row's value, pending ones included */
    uint64_t seq;
    struct pending pending;
    int64_t changed_us, published_us; /* first pending change; last delta */
    uint64_t work_us;                 /* the publisher's when the last delta was due (pace.h) */
    struct ring_topic ring;
    struct snapshot_image *image; /* the last one made; NULL: none */
};

struct topic *topic_new(const struct series *s);
/* The ring's deltas of the topic and its image are its owner's to free. */
void topic_destroy(struct topic **t);

enum topic_take { TOPIC_SAME, TOPIC_CHANGED, TOPIC_REFUSED };
/* Takes a unit's value as of pseq, unless the row has one of a later pseq (I15d). Of two with the same pseq the one
 * that comes last counts: the one before may be of an owner that was fenced. CHANGED: the row is now pending. REFUSED:
 * not a unit of the cohort, or points that are not those of the definition's nodes. */
enum topic_take topic_take(struct topic *t, const struct unit_score *score, uint64_t pseq);

/* Moves all pending rows into the table without a delta: before the feed has started. */
void topic_apply_pending(struct topic *t);
void topic_pending_clear(struct topic *t);

/* Publishes the pending rows, ascending, in as many deltas as their size asks for. */
struct topic_feed {
    uint64_t epoch;
    struct ring *ring;
    struct metrics *metrics;
    const struct publisher_io *io;
    struct buffer *scratch;
    uint64_t *work_us; /* what it does is added */
};
void topic_publish(struct topic *t, const struct topic_feed *f, int64_t now_us);

/* A row as the feed shows it; the components stay the standing's. */
void topic_row(Parbus__Row *out, const struct standing *s, size_t top_count, uint32_t rank);
/* How many rows of this topic are sure to fit PACKED_ROWS_BYTES_MAX. */
size_t topic_rows_per_message(const struct topic *t);
