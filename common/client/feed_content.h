/* What a feed client holds of a topic at one position: header, rows, names, ranking. Pure. */
#pragma once
#include "base/buffer.h"
#include "ranking/ranking.h"
#include <parbus/feed.h>

struct feed_cell {
    uint32_t unit, appraised_share, cause_feeder;
    bool present, complete;
    uint64_t cause_epoch, cause_seq;
    int64_t score;
    size_t slot;             /* of its components */
    size_t code_at, name_at; /* in text */
};

struct feed_content {
    uint64_t epoch, seq;
    struct parbus_table_header header;
    Parbus__SnapshotBegin *begin; /* the header's strings */
    size_t begin_bytes;           /* … with what comes with them in memory */
    struct feed_cell *cell;       /* ascending unit once it is whole */
    size_t count, capacity, expected;
    int64_t *component; /* slot i: header.component_count micro-points */
    size_t slots, slot_capacity;
    struct buffer text;
    struct ranking *ranking;
};

/* Out of the packed SnapshotBegin; NULL: it makes no sense. */
struct feed_content *feed_content_new(const uint8_t *begin, size_t bytes);
void feed_content_destroy(struct feed_content **c);
/* What it uses, roughly; NULL: 0. O(1). */
size_t feed_content_bytes(const struct feed_content *c);

/* Adds rows of the snapshot; the same ones may come again. false: they do not fit the header. */
bool feed_content_add(struct feed_content *c, const Parbus__SnapshotRows *rows);
/* Whether every promised row is there; makes the ranking when so. */
bool feed_content_whole(struct feed_content *c);

/* Applies all rows or, when one of them does not fit, none: false. O(rows * log N). */
bool feed_content_apply(struct feed_content *c, const Parbus__Delta *delta);

/* Of a whole table. */
bool feed_content_row(const struct feed_content *c, uint32_t unit, struct parbus_row *row);
void feed_content_each(const struct feed_content *c, bool (*fn)(void *ctx, const struct parbus_row *row), void *ctx);
