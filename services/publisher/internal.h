/* What the files of the publisher's core share. */
#pragma once
#include "services/publisher/rights.h"
#include "services/publisher/snapshot.h"

enum {
    RELOAD_RETRY_US = 50000, /* state follows a scorer's messages within a commit interval */
};

/* How far a partition's scores have come (I15). position: everything up to here is in the tables. seen: the last
 * message, whatever was missed before it. wanted: once state is read from here on, nothing is missing up to seen.
 * from_state: how far state has been read. */
enum follow_state { FOLLOW_CURRENT, FOLLOW_BEHIND };

#define FOLLOW_EDGES(X)                                                                                                \
    X(FOLLOW_CURRENT, FOLLOW_BEHIND, "something before a message never came, or state is ahead")                       \
    X(FOLLOW_BEHIND, FOLLOW_CURRENT, "state was read up to what was missing")
extern const struct state_machine follow_machine;

struct partition {
    enum follow_state state; /* BEHIND exactly while position < wanted */
    uint64_t position, seen, wanted, from_state;
    int64_t reload_us; /* earliest next reading of state */
};

struct publisher {
    struct publisher_options o;
    struct worker worker;
    char trouble[256]; /* of `damaged`, for heartbeats */
    uint32_t damaged;  /* a partition whose rows in state are; UINT32_MAX: none is known */
    const struct catalog *catalog;
    struct partition *partition; /* of the journal; NULL: not welcome yet */
    uint32_t partitions;
    uint32_t looked;      /* partitions whose state was looked at before the start */
    struct topic **topic; /* by series number - 1 */
    size_t topic_count;
    struct topic **changed; /* those with pending rows; room for all */
    size_t changed_count;
    struct ring ring;
    struct snapshots snapshots;
    uint64_t work_us; /* estimate of all that was done (pace.h) */
    struct buffer scratch;
    bool started;
    bool series_missing; /* a row came whose series is not in the catalog yet */
    uint64_t controls;   /* of the catalog, as far as partition_go_back has seen to */
    int64_t now_us, wall_ms, heartbeat_us;
    uint64_t rights; /* as of which the snapshots under way were judged; again at judge_us */
    int64_t judge_us;
    uint32_t behind, next_reload; /* partitions that miss something; where to look for the next one */
};

/* Marks what can be known of a partition from a message, or from state; counts those that miss something. */
void partition_seen(struct publisher *p, uint32_t partition, uint64_t prev_pseq, uint64_t pseq);
void partition_committed(struct publisher *p, uint32_t partition, uint64_t pseq);
void partition_read(struct publisher *p, uint32_t partition, uint64_t pseq);
/* The entry at pseq was set aside: what an owner told of it and of later ones gives way (I15e). What was read from
 * state stays: whoever committed it behind pseq knew. */
void partition_go_back(struct publisher *p, uint32_t partition, uint64_t pseq);
/* Rows up to pseq could not be taken: state has them. */
void partition_missed(struct publisher *p, uint32_t partition, uint64_t pseq);
static inline bool partition_behind(const struct partition *t) { return t->state == FOLLOW_BEHIND; }
/* Reloads at most one partition that is due. Returns when to call again. */
int64_t partitions_reload(struct publisher *p, int64_t now_us);

/* request.c: one of ToSnapshots. */
void answer_request(struct publisher *p, struct peer peer, const struct wire_message *m);

/* NULL: no such series. */
static inline struct topic *publisher_topic(struct publisher *p, uint32_t series)
{
    return series != SERIES_NONE && series <= p->topic_count ? p->topic[series - 1] : NULL;
}
