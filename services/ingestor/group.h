/* What one commit of the journal holds: records by partition, feeders' marks, controls. It is gathered, closed, and
 * stays as it is until the journal has it. */
#pragma once
#include "base/buffer.h"
#include "journal/group.h"
#include "journal/record.h"
#include "services/ingestor/numbers.h"

/* Of a feeder with something in the group. */
struct group_feeder {
    uint32_t number;
    size_t bytes; /* of its submissions, of the epoch that it is in */
};

/* An operator's tool that waits for an entry to be in the journal once more (I19). */
struct group_asker {
    uint64_t peer;
    uint32_t partition;
    uint64_t pseq;
    size_t record; /* which one it is */
};

/* Somebody who waits for his change of rights to be in the journal (A4), or for his key (A8, A9). */
struct group_changer {
    uint64_t peer, request, control_seq;
    char name[65];        /* whose key it is; "": no key was brought in */
    int64_t old_until_ms; /* of the key that it comes for; 0: for none */
};

/* A submission that is not allowed: told once the journal has its seq as used up (D9b). */
struct group_refusal {
    uint32_t feeder;
    uint64_t epoch, seq;
    char *detail; /* malloc'ed */
};

enum { GROUP_ASKERS_MAX = 64 };

struct group {
    uint32_t partitions;
    struct buffer *bytes_of; /* by partition: its records, one after the other */
    size_t *open;            /* by partition: the record that goes on, counted from 1; 0: none */
    uint32_t *entries;       /* by partition: that its records count */
    struct buffer records;   /* struct group_record, in the order in which they were begun */
    struct buffer feeders;   /* struct group_feeder, each once */
    struct buffer controls;  /* struct journal_control, `packed` malloc'ed */
    struct buffer refusals;  /* struct group_refusal */
    struct group_asker asker[GROUP_ASKERS_MAX];
    size_t asker_count;
    struct group_changer changer[GROUP_ASKERS_MAX];
    size_t changer_count;
    size_t bytes, submissions, rows;
    int64_t began_us;
    struct buffer put, mark; /* of `closed` */
    struct journal_group closed;
};

void group_init(struct group *g, uint32_t partitions);
void group_free(struct group *g);
void group_clear(struct group *g);
bool group_empty(const struct group *g);

/* Adds an entry to the partition's last record, or begins one, of this time and with these controls in force. The time
 * of a record is never later than that of an entry in it. */
void group_add(struct group *g, uint32_t partition, const struct record_entry *entry, const void *body, int64_t wall_ms,
               uint64_t control_seq);
/* A record of its own, which is copied; returns which one it is. */
size_t group_add_record(struct group *g, uint32_t partition, const struct buffer *record);
/* Returns the feeder's place in the group, from 1. */
size_t group_add_feeder(struct group *g, uint32_t number);
struct group_feeder *group_feeder(const struct group *g, size_t place);
size_t group_feeder_count(const struct group *g);
/* `detail` is copied; it counts as bytes of the group. */
void group_add_refusal(struct group *g, uint32_t feeder, uint64_t epoch, uint64_t seq, const char *detail);
size_t group_refusal_count(const struct group *g);
const struct group_refusal *group_refusal(const struct group *g, size_t which);
/* Takes `packed` over. */
void group_add_control(struct group *g, uint64_t seq, void *packed, size_t bytes);

/* Nothing more is added: makes what the journal is given, but for the feeders' marks, whose array (one for each feeder,
 * in order) the caller fills in. last_pseq: of each partition, before the group. */
struct journal_mark *group_close(struct group *g, uint64_t commit, uint64_t (*last_pseq)(const void *ctx, uint32_t p),
                                 const void *ctx);
