/* The ingestor: takes submissions at the door, makes them durable, and coordinates the workers behind it. Pure: no
 * sockets, no LMDB, no clock; the shell and the simulator drive it in the same way:
 *
 *     timeout = ingestor_tick(now) → wait → ingestor_from_feeder / ingestor_from_worker … → ingestor_drained(now) → …
 *
 * Three rooms: door.c (feeders, sequence numbers, the group that is being gathered), coordinator.c (workers,
 * partitions, flow), core.c (the commit between them). Beside them questions.c (what is answered at once) and
 * controls.c (control records made here). Rules D*, I* are those of proto/PROTOCOL.md. */
#pragma once
#include "base/metrics.h"
#include "base/settings.h"
#include "catalog/catalog.h"
#include "inside.pb-c.h"
#include "journal/journal.h"
#include "wire/wire.h"

struct ingestor_now {
    int64_t mono_us, wall_ms;
};

/* What the core can do to the world. A peer is a connection, by a number that the shell chooses, never 0. None may
 * block on a peer. */
struct ingestor_io {
    void *ctx;
    /* ERR_BUSY: queue full; ERR_NOT_FOUND: the connection is gone. */
    enum err (*to_feeder)(void *ctx, uint64_t peer, uint32_t kind, const ProtobufCMessage *message);
    enum err (*to_worker)(void *ctx, uint64_t peer, uint32_t kind, const ProtobufCMessage *message);
    /* As journal.h. What fails may be there all the same: see ingestor_outdated. */
    enum err (*append)(void *ctx, const struct journal_group *group, struct err_text *e);
    enum err (*read)(void *ctx, uint32_t partition, uint64_t from_pseq, size_t bytes_max, journal_record_fn *fn,
                     void *fn_ctx, struct err_text *e);
    /* Answers Status out of state: calls `add` for each reject of (feeder, epoch) from (seq, row) on, until it says
     * false. */
    void (*rejects)(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                    bool (*add)(void *add_ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail),
                    void *add_ctx);
    /* ERR_FULL: there is hardly room for another group. With `probe` something is written as append would. NULL: only
     * append tells. */
    enum err (*room)(void *ctx, bool probe, struct err_text *e);
    /* As journal_controls. An error of fn ends it, and is returned. */
    enum err (*controls)(void *ctx, uint64_t from, journal_control_fn *fn, void *fn_ctx, struct err_text *e);
};

struct ingestor;

/* All is copied. journal_id and term name this incarnation (rule I4). */
struct ingestor *ingestor_new(const char *instance, const struct settings *settings, const struct ingestor_io *io,
                              uint32_t partitions, uint64_t journal_id, uint64_t term);
void ingestor_destroy(struct ingestor **i);

/* Before the first message: what the journal holds, and how far state has followed (0: not known; scorers will tell).
 * ERR_INVALID: state holds what the journal does not (I5). */
enum err ingestor_restore_partition(struct ingestor *i, uint32_t partition, uint64_t last_pseq, uint64_t applied,
                                    struct err_text *e);
void ingestor_restore_feeder(struct ingestor *i, uint32_t number, const struct journal_feeder *feeder);
enum err ingestor_restore_control(struct ingestor *i, uint64_t seq, const void *packed, size_t bytes,
                                  struct err_text *e);

const struct catalog *ingestor_catalog(const struct ingestor *i);
/* Makes a control record: numbers it, writes it to the journal with its mark in every partition, one transaction. */
enum err ingestor_publish(struct ingestor *i, Parbus__Control *control, struct ingestor_now now, struct err_text *e);

/* One message; _bad: one that could not be read, and why; its sender is told. */
void ingestor_from_feeder(struct ingestor *i, uint64_t peer, const struct wire_message *m, struct ingestor_now now);
void ingestor_from_feeder_bad(struct ingestor *i, uint64_t peer, enum err code, const struct wire_message *m,
                              const char *text);
void ingestor_from_worker(struct ingestor *i, uint64_t peer, const struct wire_message *m, struct ingestor_now now);

/* The group has its size: commit before taking more from the door. */
bool ingestor_group_full(const struct ingestor *i);
/* Nothing more is waiting at the door. Commits when the last commit is group_wait_us ago (or the group is full). */
void ingestor_drained(struct ingestor *i, struct ingestor_now now);
/* Does what time makes due; returns microseconds until there may be more. */
int64_t ingestor_tick(struct ingestor *i, struct ingestor_now now);
/* The journal holds a group whose commit was said to have failed. Only a fresh start knows where we are. */
bool ingestor_outdated(const struct ingestor *i);
/* Commits what is in hand, before the process stops. */
void ingestor_stop(struct ingestor *i, struct ingestor_now now);

struct metrics *ingestor_metrics(struct ingestor *i);
/* Submissions receipted and not yet applied. */
uint64_t ingestor_lag(const struct ingestor *i);
/* Pseq up to which a partition's records are on their way or applied. */
uint64_t ingestor_sent(const struct ingestor *i, uint32_t partition);
