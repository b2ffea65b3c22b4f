/* The topics that are followed over one pair of connections: brings each event and each answer to its table, and asks
 * for all of them in turn, a few at a time. Pure: opened messages and time come in, questions and subscriptions go out
 * through feed_topics_io. One thread. */
#pragma once
#include "base/moment.h"
#include "client/feed_table.h"

enum {
    FEED_TOPICS_DEFAULT = 1024,
    FEED_TOPICS_MAX = 8192,  /* fewer than a connection's queue holds: it is told all subscriptions at once */
    FEED_QUESTIONS_MAX = 32, /* without an answer at the same time, so that the publisher keeps time for others */
};
#define FEED_BYTES_DEFAULT ((size_t)1 << 30)

struct feed_topics;

struct feed_topics_io { /* called inside follow, tick and resubscribe */
    void *ctx;
    /* A ToSnapshots. It may get lost: what has no answer is asked again. */
    void (*send)(void *ctx, const void *data, size_t bytes, struct moment now);
    void (*subscribe)(void *ctx, const char *topic, bool wanted);
};

struct feed_topics *feed_topics_new(uint32_t topics_max, size_t bytes_max, const struct feed_topics_io *io);
/* With all its topics. */
void feed_topics_destroy(struct feed_topics **s);

/* ERR_FULL, ERR_INVALID (twice), ERR_TOO_LARGE (the name). The caller ticks soon. */
enum err feed_topics_follow(struct feed_topics *s, const char *topic, const struct parbus_topic_events *events,
                            struct parbus_topic **t, struct moment now, struct err_text *e);
/* No event comes any more; its memory is freed by the next tick. */
void feed_topics_leave(struct parbus_topic **t);

/* A FeedEvent of a topic; of one that is not followed: nothing. */
void feed_topics_event(struct feed_topics *s, const char *topic, const struct wire_message *m, struct moment now);
/* A FromSnapshots. */
void feed_topics_answer(struct feed_topics *s, const struct wire_message *m, struct moment now);
/* Asks what is due; returns when to call again (mono_us). O(topics), a few nanoseconds for each that has nothing to do.
 */
int64_t feed_topics_tick(struct feed_topics *s, struct moment now);

/* Whether anything could come of the subscriptions: a topic that the publisher is not known to lack. O(topics). */
bool feed_topics_expect_events(const struct feed_topics *s);
/* Says all subscriptions again, for a new connection. */
void feed_topics_resubscribe(const struct feed_topics *s);
/* What all tables use, and what waits for them; at most bytes_max after each call. */
size_t feed_topics_bytes(const struct feed_topics *s);
