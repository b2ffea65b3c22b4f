/* The ingestor's core in a world of memory: a journal in an array, one feeder, a few workers, no socket. */
#pragma once
#include "journal/record.h"
#include "services/ingestor/core.h"
#include "wire/reason.h"
#include <criterion/criterion.h>

enum { PARTITIONS = 8, FEEDER = 1001, SCORER_A = 2001, SCORER_B = 2002, VALIDATOR_A = 3001, VALIDATOR_B = 3002 };

struct stored {
    uint32_t partition;
    uint64_t first_pseq;
    uint8_t *record;
    size_t bytes;
};
struct sent {
    uint64_t peer;
    uint32_t kind;
    ProtobufCMessage *message; /* a copy */
};

struct ingestor_world {
    struct ingestor *core;
    struct settings settings;
    struct moment now;
    const char *principal; /* who speaks; NULL: the owner */
    struct stored journal[4096];
    size_t journal_count, questions_seen;
    struct buffer control[256]; /* packed */
    size_t control_count, appends;
    struct journal_feeder mark[16]; /* by number */
    uint64_t peer_gone;             /* whose connection is closed */
    uint64_t commits;
    bool disk_full, room_left;
    bool taken;            /* by another writer, which the journal says unasked */
    const char *disk_says; /* NULL: the disk is full */
    bool disk_lies;        /* a commit fails and is there all the same */
    bool disk_silent;      /* a commit gets no answer yet */
    bool fenced;           /* somebody else is the writer */
    bool disk_unreadable;
    size_t rejects_damaged; /* so many before the one that Status finds */
    uint64_t cut;           /* the last connection that was ended */
    uint64_t ticket;        /* under way; 0: none */
    enum err result;        /* that it will get */
    char told[4096];        /* what the core told its log, "id text" a line */
    char noted[4096];       /* … and the access log: "event reason name" a line */
    struct sent to_feeder[4096], to_worker[8192];
    size_t feeder_count, worker_count;
    struct buffer packed;
};
extern struct ingestor_world t;
extern const struct ingestor_io ingestor_world_io;

/* Criterion's init and fini of a suite. */
void ingestor_world_start(void);
void ingestor_world_stop(void);
/* A new core over the same journal, with t.settings. */
void ingestor_world_restart(void);
/* … that has read what the journal holds. */
void ingestor_world_restore(void);

void deliver(enum ingestor_source source, const struct wire_channel *channel, uint64_t peer, uint32_t kind,
             const ProtobufCMessage *m);
#define FROM_FEEDER(KIND, message)                                                                                     \
    deliver(INGESTOR_DOOR, &wire_to_ingestor, FEEDER, PARBUS__TO_INGESTOR__BODY_##KIND, &(message).base)
#define FROM_WORKER(peer, KIND, message)                                                                               \
    deliver(INGESTOR_WORK, &wire_to_coordinator, peer, PARBUS__TO_COORDINATOR__BODY_##KIND, &(message).base)

/* The feeder says hello, or submits one row. */
void hello(uint64_t epoch);
void submit_to(uint64_t seq, const char *unit);
void submit(uint64_t seq);
void tick(int64_t ms);
/* Publishes a registry that nothing follows from. */
enum err publish_letters(struct err_text *e);
/* The journal answers what is under way. */
void answer_append(void);

/* What was sent so far. */
const ProtobufCMessage *last_to_feeder(uint32_t kind); /* NULL: none */
const Parbus__Refusal *last_refusal(void);             /* NULL: none */
size_t count_to_feeder(uint32_t kind);
uint64_t receipt(void); /* of the last Receipt; 0: none */
const Parbus__Work *last_work(size_t *count);

uint64_t last_pseq(uint32_t partition);
void join(uint64_t peer, Parbus__Role role, const char *instance, uint64_t incarnation);
/* Answers every Assign and Release that was not answered yet, as a scorer would that has applied `applied`. */
void answer_questions(uint64_t applied);
/* Time for workers to be given their partitions. */
void give_partitions(void);
/* scorer-1 and validator-1 join and are given their partitions. */
void one_of_each(void);
/* The scorer has committed up to `applied` of the work's partition. */
void progress(const Parbus__Work *work, uint64_t peer, uint64_t applied);
