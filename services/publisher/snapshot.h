/* Snapshots on their way (rules F1, F2). A table is packed once per seq into an image that many clients share; each
 * client is sent its parts as fast as it reads, and is given up when it does not. */
#pragma once
#include "services/publisher/topic.h"

enum {
    SNAPSHOT_JOBS_MAX = 4096,
    SNAPSHOT_STALLED_US = 30000000, /* a client that takes nothing for so long is given up */
    SNAPSHOT_RETRY_US = 5000,       /* a full queue is tried again after so long */
    /* How old an image may be to be sent again, if the ring leads on from it: so packing takes little of the time. */
    SNAPSHOT_REUSE_US_PER_ROW = 5,
};

struct snapshot_image; /* packed messages of one table at one seq; counted references */
/* Drops a reference and nulls it. */
void snapshot_image_release(struct snapshot_image **image);

enum snapshot_state { SNAPSHOT_SENDING, SNAPSHOT_STALLED };

#define SNAPSHOT_EDGES(X)                                                                                              \
    X(SNAPSHOT_SENDING, SNAPSHOT_STALLED, "the client's queue is full; given up after SNAPSHOT_STALLED_US")            \
    X(SNAPSHOT_STALLED, SNAPSHOT_SENDING, "it takes a part again")
extern const struct state_machine snapshot_machine;

struct snapshot_job {
    enum snapshot_state state;
    uint64_t peer;
    char principal[80]; /* whose it is */
    const struct topic *topic;
    struct snapshot_image *image;
    uint64_t request;
    size_t next; /* message of the image */
    int64_t give_up_us;
};

struct snapshots {
    struct snapshot_job *job;
    size_t count, capacity;
    size_t per_client_max;
    uint64_t epoch;
    uint32_t heartbeat_ms;
    struct metrics *metrics;
    const struct publisher_io *io;
    struct buffer scratch;
};

/* Begins to answer; a newer request of the same peer and topic takes the place of the older one. One too many is
 * counted, and asked for again (F11). */
void snapshots_begin(struct snapshots *s, struct topic *t, struct peer peer, uint64_t request, int64_t now_us);
/* Breaks off those whose clients may not follow the topic any more. */
void snapshots_judge(struct snapshots *s, bool (*lets)(void *ctx, const char *principal, const char *topic), void *ctx);
/* Sends what the peers take. Returns when to call again. */
int64_t snapshots_tick(struct snapshots *s, int64_t now_us);
void snapshots_free(struct snapshots *s);
