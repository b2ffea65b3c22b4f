/* The pure part of the feed client (rules F1-F10): decides what to ask for, and holds the publisher's exact table.
 * Opened messages and time come in; requests go out of feed_table_tick. Loss, repetition and reordering of what comes
 * in cost time, never exactness. One thread. */
#pragma once
#include "base/buffer.h"
#include "base/states.h"
#include "wire/wire.h"
#include <parbus/feed.h>

enum {
    FEED_KEPT_MAX = 1024,           /* deltas that wait for what lies before them (F1) */
    FEED_KEPT_BYTES_MAX = 64 << 20, /* their bytes */
    FEED_ANSWER_US = 1000000,       /* no answer for so long: ask again */
    FEED_REQUEST_LEAST_US = 100000, /* between two questions */
    FEED_HEARTBEAT_MS = 1000,       /* F5: until the publisher has said how often it comes */
    FEED_HEARTBEATS_MISSED = 3,     /* so many: ask for a resume */
    FEED_SILENCE_LEAST_US = 1000000,
    FEED_NO_ROOM_US = 10000000, /* the table is too large: tried again after so long */
};

/* What is to be asked for; ascending: the answer to a later one makes up for an earlier one. */
enum need { NEED_NOTHING, NEED_RESUME, NEED_SNAPSHOT };

#define NEED_EDGES(X)                                                                                                  \
    X(NEED_SNAPSHOT, NEED_NOTHING, "a snapshot is whole (F2)")                                                         \
    X(NEED_NOTHING, NEED_RESUME, "something is missing, or nothing is heard (F3, F5)")                                 \
    X(NEED_RESUME, NEED_NOTHING, "resumed up to the publisher's position (F4)")                                        \
    X(NEED_NOTHING, NEED_SNAPSHOT, "another epoch, Resync, or a delta that does not fit")                              \
    X(NEED_RESUME, NEED_SNAPSHOT, "another epoch, Resync, or a delta that does not fit")
extern const struct state_machine need_machine;

struct feed_table;

struct feed_table_events { /* called from feed_table_event and feed_table_answer; any may be NULL */
    void *ctx;
    void (*snapshot)(void *ctx);
    void (*delta)(void *ctx, const Parbus__Delta *delta);
    void (*unknown)(void *ctx);
    void (*trouble)(void *ctx, const char *text);
};

/* What the tables of one connection may use together: their rows, and what waits to be applied. What is over it, by one
 * message at most, is given back at once. */
struct feed_budget {
    size_t used, max;
};

struct feed_table *feed_table_new(const char *topic, const struct feed_table_events *events, int64_t now_us);
void feed_table_destroy(struct feed_table **t);
/* It is one of several over one connection: its questions are numbered from number << 32 on, so that answers, which do
 * not name the topic, find back (F2b). Right after feed_table_new; the budget outlives the table. */
void feed_table_share(struct feed_table *t, uint32_t number, struct feed_budget *budget);
static inline uint32_t feed_table_number(uint64_t request) { return (uint32_t)(request >> 32); }

/* From the subscription: a FeedEvent of this topic. */
void feed_table_event(struct feed_table *t, const struct wire_message *feed_event, int64_t now_us);
/* From the snapshot socket: a FromSnapshots. */
void feed_table_answer(struct feed_table *t, const struct wire_message *from_snapshots, int64_t now_us);
/* Whether there is something to ask now. It may be asked later. */
bool feed_table_due(struct feed_table *t, int64_t now_us);
/* When so: `out` (cleared first) holds a ToSnapshots to be sent; it may get lost. */
void feed_table_ask(struct feed_table *t, int64_t now_us, struct buffer *out);
/* Both; true: it has asked. */
bool feed_table_tick(struct feed_table *t, int64_t now_us, struct buffer *out);
int64_t feed_table_deadline_us(const struct feed_table *t);
/* A question is out, and its answer is not here, or not all of it. */
bool feed_table_asking(const struct feed_table *t);

enum parbus_topic_state feed_table_state(const struct feed_table *t);

bool feed_table_ready(const struct feed_table *t);
/* 0, 0 before it is ready. */
void feed_table_position(const struct feed_table *t, uint64_t *epoch, uint64_t *seq);
/* What has happened since feed_table_new. */
const struct parbus_feed_counts *feed_table_counts(const struct feed_table *t);
/* These three: only when it is ready. */
const struct parbus_table_header *feed_table_header(const struct feed_table *t);
void feed_table_each(const struct feed_table *t, bool (*fn)(void *ctx, const struct parbus_row *row), void *ctx);
bool feed_table_row(const struct feed_table *t, uint32_t unit, struct parbus_row *row);
