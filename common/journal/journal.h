/* The journal: the truth (law 2). Writer: the ingestor, alone. Everybody may read.
 *
 * LMDB environment `<dir>/journal`:
 *   meta      "format", "partitions", "id", "term"
 *   records   partition be16 | first pseq be64        -> record (record.h)
 *   controls  control seq be64                        -> Control, packed (catalog.proto)
 *   feeders   feeder number be32                      -> struct journal_feeder
 * A record and the marks of its feeders are one transaction, synced before it returns (law 1). Readers never hold a
 * transaction across a wait.
 *
 * The functions are the whole interface: a replicated log can take LMDB's place behind them. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JOURNAL_PARTITIONS_DEFAULT = 64, JOURNAL_PARTITIONS_MAX = 4096, FEEDER_NAME_BYTES = 65 };

struct journal;

struct journal_options {
    bool writer;           /* creates the environment when it is missing, takes a lock file, starts a new term */
    uint32_t partitions;   /* for a new environment; 0: default */
    size_t map_bytes;      /* 0: default (64 GiB, sparse) */
    bool network_fs_allowed;
};

/* ERR_NOT_FOUND (reader, nothing there), ERR_BUSY (another writer), ERR_VERSION, ERR_INVALID (file system that LMDB does
 * not support; process in another PID namespace), ERR_IO. */
enum err journal_open(struct journal **j, const char *directory, const struct journal_options *o, struct err_text *e);
void journal_close(struct journal **j);

uint32_t journal_partitions(const struct journal *j);
uint64_t journal_id(const struct journal *j);   /* random, drawn at creation */
uint64_t journal_term(const struct journal *j); /* writer: one more at each start, already on disk */

struct journal_feeder {
    uint64_t epoch, last_seq; /* last seq with a receipt */
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
    const struct journal_put *put;
    size_t put_count;
    const struct journal_mark *mark;
    size_t mark_count;
    const struct journal_control *control;
    size_t control_count;
};

/* All or nothing, and synced. ERR_FULL, ERR_IO: nothing of it is there and the journal stays usable. */
enum err journal_append(struct journal *j, const struct journal_group *g, struct err_text *e);

/* Records of a partition from the one that holds from_pseq on, in order, until `fn` returns false or bytes_max are read
 * (at least one record is handed out). The record is valid only inside fn. ERR_CORRUPT when pseq are not dense. */
typedef bool journal_record_fn(void *ctx, uint64_t first_pseq, const void *record, size_t bytes);
enum err journal_read(struct journal *j, uint32_t partition, uint64_t from_pseq, size_t bytes_max, journal_record_fn *fn,
                      void *ctx, struct err_text *e);

/* 0: empty. */
enum err journal_last_pseq(struct journal *j, uint32_t partition, uint64_t *last, struct err_text *e);

/* Controls from .. last, in order. */
typedef enum err journal_control_fn(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e);
enum err journal_controls(struct journal *j, uint64_t from, journal_control_fn *fn, void *ctx, struct err_text *e);

typedef bool journal_feeder_fn(void *ctx, uint32_t number, const struct journal_feeder *feeder);
enum err journal_feeders(struct journal *j, journal_feeder_fn *fn, void *ctx, struct err_text *e);

/* Bytes the environment may still grow by; how full it is is a reason to refuse early. */
size_t journal_bytes_free(struct journal *j);
/* A consistent copy while it is in use. */
enum err journal_copy(struct journal *j, const char *directory, struct err_text *e);
/* Frees the reader slots of processes that died; returns how many. */
int journal_readers_check(struct journal *j);
