/* What goes into the journal in one commit, and how it is handed out again: the types of everybody who deals with a
 * journal, whatever keeps it. Pure: no LMDB. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JOURNAL_PARTITIONS_DEFAULT = 64, JOURNAL_PARTITIONS_MAX = 4096, FEEDER_NAME_BYTES = 65 };

struct journal_feeder {
    uint64_t epoch, last_seq; /* last seq with a receipt */
    uint64_t refused;         /* of these, refused for good (rule D9): they count as scored */
    uint64_t digest;          /* of the submissions up to last_seq (D17) */
    uint64_t line;            /* whose numbering it is (D16) */
    bool without_outbox;      /* it ends with its process */
    bool free;                /* it has said Bye: another line may have the name */
    bool removed;             /* a person has given its place to others (D21) */
    char name[FEEDER_NAME_BYTES];
};
struct journal_put {
    uint32_t partition;
    uint64_t first_pseq;
    const void *record;
    size_t bytes;
};
struct journal_mark {
    uint32_t feeder; /* number, from 1 */
    struct journal_feeder value;
};
struct journal_control {
    uint64_t seq;
    const void *packed;
    size_t bytes;
};
struct journal_group {
    uint64_t commit; /* its number: the last one + 1; without records it has no meaning */
    const struct journal_put *put;
    size_t put_count;
    const struct journal_mark *mark;
    size_t mark_count;
    const struct journal_control *control;
    size_t control_count;
};

/* A record is valid only during the call. Returns false to end it. */
typedef bool journal_record_fn(void *ctx, uint64_t first_pseq, const void *record, size_t bytes);
/* An error ends it and is returned. */
typedef enum err journal_control_fn(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e);
