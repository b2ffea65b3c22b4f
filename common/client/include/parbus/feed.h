/* The public C client of the feed: subscribes to one topic and always holds the publisher's exact table: it asks for a
 * snapshot, applies deltas in order, resumes after a gap or a restart, and starts again when told to (rules F*).
 *
 * feed_table is the pure part (no sockets), used by the simulator as well; parbus_feed adds ZeroMQ. One thread. Points
 * are micro-points (1 point = 1,000,000). Strings passed in are copied; what is handed out lives until the next
 * parbus_feed_poll or, in a callback, until it returns. */
#pragma once
#include "feed.pb-c.h"
#include <parbus/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct parbus_row {         /* what the table knows of a unit */
    uint32_t unit, rank;    /* rank 0: not ranked (F7) */
    bool present, complete; /* any value is there; none is missing */
    int64_t score;
    const int64_t *component; /* header.component_count */
    uint32_t appraised_share; /* millionths of the points */
    uint32_t cause_feeder;    /* whose submission (cause_epoch, cause_seq) changed it last */
    uint64_t cause_epoch, cause_seq;
    const char *code, *name;
};
struct parbus_table_header {
    char topic[160];
    const char *title_vi, *title_en, *status;
    uint32_t decimals, definition_version; /* decimals: of printed points */
    int64_t points_max;
    size_t component_count;
    const Parbus__Component *const *component;
};

struct parbus_feed_counts { /* since it was opened */
    uint64_t deltas;        /* applied */
    uint64_t snapshots;     /* tables taken; the first one is the beginning */
    uint64_t resumes;       /* answered, after a gap or a silence */
    uint64_t resyncs;       /* told to start again */
    uint64_t silences;      /* nothing heard for three heartbeats (F5) */
};

struct parbus_feed;

struct parbus_feed_events { /* any may be NULL */
    void *ctx;
    /* The table was replaced: at the start and after a resync. */
    void (*snapshot)(void *ctx, const struct parbus_feed *feed);
    /* A delta was applied; rows carry rank and score before and after. */
    void (*delta)(void *ctx, const struct parbus_feed *feed, const Parbus__Delta *delta);
    void (*trouble)(void *ctx, const char *text);
};
struct parbus_feed_options {
    const char *feed_endpoint, *snapshot_endpoint;
    const char *topic; /* "qd766/2025" */
    struct parbus_feed_events events;
};
/* Does not wait for the publisher. PARBUS_ERR_INVALID, PARBUS_ERR_TOO_LARGE, PARBUS_ERR_IO: an endpoint or topic that
 * cannot be used; *f is NULL then. */
PARBUS_API enum parbus_err parbus_feed_open(struct parbus_feed **f, const struct parbus_feed_options *o,
                                            struct parbus_err_text *e);
PARBUS_API void parbus_feed_close(struct parbus_feed **f);
/* Receives and applies; waits at most timeout_ms (0: not at all; < 0: until something is due). PARBUS_ERR_NOT_FOUND:
 * the publisher has no such topic; said once, and later polls ask again. */
PARBUS_API enum parbus_err parbus_feed_poll(struct parbus_feed *f, int timeout_ms, struct parbus_err_text *e);

PARBUS_API bool parbus_feed_ready(const struct parbus_feed *f); /* holds a table */
/* 0, 0 before it is ready. */
PARBUS_API void parbus_feed_position(const struct parbus_feed *f, uint64_t *epoch, uint64_t *seq);
PARBUS_API struct parbus_feed_counts parbus_feed_counts(const struct parbus_feed *f);
/* These three: only when it is ready. */
PARBUS_API const struct parbus_table_header *parbus_feed_header(const struct parbus_feed *f);
/* Ranked units in order, then the unranked by unit; false: stop. */
PARBUS_API void parbus_feed_each(const struct parbus_feed *f, bool (*fn)(void *ctx, const struct parbus_row *row),
                                 void *ctx);
/* false: the table has no such unit. O(log N). */
PARBUS_API bool parbus_feed_row(const struct parbus_feed *f, uint32_t unit, struct parbus_row *row);

#ifdef __cplusplus
}
#endif
