/* The feeders' side: who they are, which seq comes next, and the group of submissions that the next commit will hold.
 */
#pragma once
#include "base/buffer.h"
#include "base/map.h"
#include "services/ingestor/core.h"

struct feeder {
    struct journal_feeder mark;            /* as the next commit will write it */
    uint64_t receipted, receipted_refused; /* as the last commit wrote it */
    uint64_t peer;                         /* 0: not connected */
    size_t group_bytes;                    /* taken, and no receipt yet (D5) */
    bool dirty;                            /* in door.changed: the next commit writes its mark */
    bool journalled;                       /* the journal has a mark of it */
    bool gap_told;                         /* D6: one refusal per gap */
    bool untold;                           /* in door.untold: totals changed since the last Scored */
    struct tally_sum {
        uint64_t scored, accepted_rows, rejected_rows;
    } sum;
    const struct series *series; /* of its last submission: most come in runs */
};

struct numbers { /* a growing list of uint32 */
    struct buffer bytes;
};
void numbers_add(struct numbers *n, uint32_t number);
size_t numbers_count(const struct numbers *n);
uint32_t numbers_at(const struct numbers *n, size_t i);

enum { NEWCOMERS_MAX = 1024 };

struct door {
    const struct settings *settings;
    const struct ingestor_io *io;
    struct metrics *metrics;
    struct catalog *catalog;
    uint32_t partitions;

    struct feeder *feeder; /* by number; [0] unused */
    uint32_t feeder_count, feeder_capacity;
    uint32_t journalled, entering;    /* feeders with a mark in the journal; … that get one with the next commit */
    uint32_t newcomer[NEWCOMERS_MAX]; /* ring: those that have said hello and had no mark then, the oldest first */
    uint32_t newcomer_first, newcomer_count;
    struct map by_name, by_peer; /* hash of name, peer -> number */

    struct buffer *record;  /* by partition: the group being gathered */
    struct numbers touched; /* partitions with a record */
    struct numbers changed; /* feeders whose mark changes */
    struct numbers untold;  /* feeders that are to hear Scored */
    size_t group_bytes, group_submissions, group_rows;
    int64_t trouble_until_us; /* storage refused: nothing is taken before */
    char trouble[256];
    int64_t room_due_us; /* when to look again */
};

void door_init(struct door *d, const struct settings *settings, const struct ingestor_io *io, struct metrics *metrics,
               struct catalog *catalog, uint32_t partitions);
void door_free(struct door *d);

/* ---- who the feeders are: hello.c ---- */

void door_restore_feeder(struct door *d, uint32_t number, const struct journal_feeder *mark);
/* NULL: the peer has not said hello. */
struct feeder *door_feeder_of(struct door *d, uint64_t peer, uint32_t *number);
struct feeder *door_feeder(struct door *d, uint32_t number); /* NULL: no such number */
/* No group may be under way. */
void door_hello(struct door *d, uint64_t peer, const Parbus__Hello *hello, struct ingestor_now now);
/* The connection is gone. */
void door_forget_peer(struct door *d, uint64_t peer);

/* ---- what they submit, and what they are told: door.c ---- */

/* Takes the submission into the group, or refuses it. body: its bytes as received. */
void door_submission(struct door *d, uint64_t peer, const Parbus__Submission *s, const uint8_t *body, size_t bytes,
                     struct ingestor_now now);
/* A submission whose seq could be read but that breaks a rule: used up when it was the next one (D9). */
void door_submission_bad(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail);
void door_refuse(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail,
                 int64_t retry_after_ms);
void door_refuse_too_many(struct door *d, uint64_t peer);
void door_send(struct door *d, uint64_t peer, uint32_t kind, const ProtobufCMessage *message);

/* The group is on disk: receipts. */
void door_committed(struct door *d);
/* It is not, and nothing of it: marks go back, each feeder is told when to try again. */
void door_not_committed(struct door *d, const char *why, struct ingestor_now now);
/* Now and then, while no group is being gathered: whether there is room for the next one; after trouble, whether it can
 * be written again. */
void door_look_for_room(struct door *d, struct ingestor_now now);
/* The feeder's totals changed; door_tell_scored tells all such feeders (D10). */
void door_totals_changed(struct door *d, uint32_t number);
void door_tell_scored(struct door *d);
