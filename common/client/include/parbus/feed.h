/* The feed, for dashboards: follows any number of topics ("index/period") over one pair of connections and always holds
 * the publisher's exact table of each: asks for a snapshot, applies deltas in order, resumes after a loss, starts again
 * when the publisher did (PROTOCOL.md, rules F*). Whatever the network does costs time, never exactness.
 *
 * Threads: different feeds and feeders may be used by different threads at the same time, each by one thread at a time.
 * There is no loop and no thread of ours that calls back: everything happens inside parbus_feed_step and
 * parbus_feed_poll. From a callback everything may be called but these two and parbus_feed_close.
 *
 * Lifetime: strings passed in are copied. What is handed out (rows, headers, names) lives until the next step or poll
 * or, in a callback, until it returns.
 *
 * Units: points are micro-points (1 point = 1,000,000), times are microseconds of CLOCK_MONOTONIC. */
#pragma once
#include "feed.pb-c.h"
#include <parbus/error.h>
#include <parbus/keys.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct parbus_feed;  /* a pair of connections to a publisher */
struct parbus_topic; /* one table that is followed over it */

/* ---- the connections ---- */

struct parbus_feed_options {
    const char *feed_endpoint;      /* "ipc:///srv/parbus/run/feed", "tcp://…" */
    const char *snapshot_endpoint;  /* "ipc:///srv/parbus/run/snapshot", … */
    const struct parbus_keys *keys; /* copied; NULL: none, for ipc:// and servers without keys */
    uint32_t topics_max;            /* 0: 1024; at most 8192 */
    size_t memory_bytes_max;        /* all tables, and what waits to be applied; 0: 1 GiB */
    void *ctx;
    /* Something is wrong with the connections, in a sentence; it is mended without the caller. NULL: not told. */
    void (*trouble)(void *ctx, const char *text);
};

/* Does not wait for the publisher. PARBUS_ERR_INVALID, PARBUS_ERR_TOO_LARGE, PARBUS_ERR_IO: an endpoint or a limit that
 * cannot be used; *f is NULL then. */
PARBUS_API enum parbus_err parbus_feed_open(struct parbus_feed **f, const struct parbus_feed_options *o,
                                            struct parbus_err_text *e);
/* With all its topics; *f becomes NULL. */
PARBUS_API void parbus_feed_close(struct parbus_feed **f);

/* ---- topics ---- */

struct parbus_topic_events { /* any may be NULL */
    void *ctx;
    /* The table was replaced: at the start, and after a loss too long to be resumed. */
    void (*snapshot)(void *ctx, const struct parbus_topic *topic);
    /* A delta was applied; its rows carry rank and score before and after. */
    void (*delta)(void *ctx, const struct parbus_topic *topic, const Parbus__Delta *delta);
    /* The publisher has no such topic; told once. It is asked for again each second: it may come. */
    void (*unknown)(void *ctx, const struct parbus_topic *topic);
    /* Silence, a table too large for memory_bytes_max, …, in a sentence; it goes on by itself. */
    void (*trouble)(void *ctx, const struct parbus_topic *topic, const char *text);
};

/* Follows a topic from now on. The handle is the caller's until parbus_topic_leave or parbus_feed_close.
 * PARBUS_ERR_FULL: topics_max are followed; PARBUS_ERR_INVALID: it is followed already; PARBUS_ERR_TOO_LARGE: no topic
 * has so long a name. *t is NULL then. events may be NULL. Due at once. O(1) expected. */
PARBUS_API enum parbus_err parbus_feed_follow(struct parbus_feed *f, const char *topic,
                                              const struct parbus_topic_events *events, struct parbus_topic **t,
                                              struct parbus_err_text *e);
/* No event of it comes any more; *t becomes NULL. */
PARBUS_API void parbus_topic_leave(struct parbus_topic **t);

enum parbus_topic_state {
    PARBUS_TOPIC_ASKED,   /* no table yet */
    PARBUS_TOPIC_READY,   /* holds the table */
    PARBUS_TOPIC_SILENT,  /* nothing was heard for three heartbeats: what it holds may be old */
    PARBUS_TOPIC_UNKNOWN, /* the publisher has no such topic */
    PARBUS_TOPIC_NO_ROOM  /* its table does not fit into memory_bytes_max; tried again every 10 s */
};
PARBUS_API enum parbus_topic_state parbus_topic_state(const struct parbus_topic *t);
PARBUS_API const char *parbus_topic_name(const struct parbus_topic *t);

struct parbus_feed_counts { /* of one topic, since it is followed */
    uint64_t deltas;        /* applied */
    uint64_t snapshots;     /* tables taken; the first one is the beginning */
    uint64_t resumes;       /* answered, after a gap or a silence */
    uint64_t resyncs;       /* told to start again */
    uint64_t silences;      /* nothing heard for three heartbeats (F5) */
};
PARBUS_API struct parbus_feed_counts parbus_topic_counts(const struct parbus_topic *t);

/* ---- what a topic's table holds ---- */

struct parbus_table_header {
    char topic[160];
    const char *title_vi, *title_en;
    const char *status; /* "official", "illustrative", …: to be shown wherever the table is shown (F8) */
    uint32_t decimals;  /* of printed points */
    uint32_t definition_version;
    int64_t points_max;
    size_t component_count;
    const Parbus__Component *const *component;
};

struct parbus_row { /* a unit */
    uint32_t unit;
    uint32_t rank; /* 0: not ranked (F7) */
    bool present;  /* any value is there */
    bool complete; /* none is missing */
    int64_t score;
    const int64_t *component; /* header.component_count of them */
    uint32_t appraised_share; /* millionths of the points */
    uint32_t cause_feeder;    /* whose submission (cause_epoch, cause_seq) changed it last */
    uint64_t cause_epoch, cause_seq;
    const char *code, *name;
};

/* Whether it holds a table; stays true once it is. */
PARBUS_API bool parbus_topic_ready(const struct parbus_topic *t);
/* The publisher's epoch, and how far its changes are applied; 0, 0 before it is ready. */
PARBUS_API void parbus_topic_position(const struct parbus_topic *t, uint64_t *epoch, uint64_t *seq);
/* The rest only when it is ready. */
PARBUS_API const struct parbus_table_header *parbus_topic_header(const struct parbus_topic *t);
/* Ranked units in order, then the unranked by unit; false: stop. O(N). */
PARBUS_API void parbus_topic_each(const struct parbus_topic *t, bool (*fn)(void *ctx, const struct parbus_row *row),
                                  void *ctx);
/* false: the table has no such unit. O(log N). */
PARBUS_API bool parbus_topic_row(const struct parbus_topic *t, uint32_t unit, struct parbus_row *row);

/* ---- the loop: either poll, … ---- */

/* One turn, which waits at most timeout_ms for something to do (0: not at all; < 0: as long as it takes). An error ends
 * the feed; a publisher that is not there is none. */
PARBUS_API enum parbus_err parbus_feed_poll(struct parbus_feed *f, int timeout_ms, struct parbus_err_text *e);

/* ---- … or inside the caller's: wait until the descriptor can be read or the deadline is there, then step. Ask for the
 * deadline anew before each wait: calls to this library may have changed it. ---- */

/* For poll, epoll (level-triggered), libuv …; the feed's own: neither read nor closed by the caller. It stays the same
 * until parbus_feed_close. */
PARBUS_API int parbus_feed_fd(const struct parbus_feed *f);
/* When the feed has something to do though nothing comes: at once (a time in the past) when a topic was followed or
 * left, or a message waits to be read; else the next time to ask for a table again, or to notice a silence. INT64_MAX:
 * nothing until a message comes. A step earlier than that does no harm. */
PARBUS_API int64_t parbus_feed_deadline_us(struct parbus_feed *f);
/* How long it is until then, rounded up: for poll and epoll_wait. -1: no deadline. */
PARBUS_API int parbus_feed_timeout_ms(struct parbus_feed *f);
/* One turn without waiting; with nothing to do it does nothing. Errors as parbus_feed_poll. */
PARBUS_API enum parbus_err parbus_feed_step(struct parbus_feed *f, struct parbus_err_text *e);

#ifdef __cplusplus
}
#endif
