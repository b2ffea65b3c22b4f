/* The scorer: applies verdicts to its partitions in pseq order, keeps points up to date, tells the publisher at once
 * and commits effects and cursor together (rules I5, I6, I10, I11, I13 to I16).
 *
 * Pure: messages and time come in, effects go out through struct scorer_io. One thread; several cores may live in one
 * process. What it holds is bounded: see scorer_limits. */
#pragma once
#include "base/err.h"
#include "base/metrics.h"
#include "inside.pb-c.h"
#include "state/state.h"
#include "worker/worker.h"

/* None of the functions calls back into the core, except the fn that it was given. */
struct scorer_store_io {
    /* Opens the state of this journal, before anything else is asked of it. An error ends the process. */
    enum err (*open)(void *ctx, uint64_t journal_id, struct err_text *e);
    /* As the functions of state.h. Only commit and own write, and may block for it. */
    enum err (*own)(void *ctx, uint32_t partition, uint64_t owner_epoch, struct state_cursor *cursor,
                    struct err_text *e);
    enum err (*tallies)(void *ctx, uint32_t partition, state_tally_fn *fn, void *fn_ctx, struct err_text *e);
    enum err (*values)(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage, struct cell *cell,
                       size_t cell_count, struct err_text *e);
    enum err (*scores)(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, struct score_header *header,
                       int64_t *points, size_t points_max, struct err_text *e);
    enum err (*commit)(void *ctx, struct state_batch *batch, size_t count, struct err_text *e);
    enum err (*cursor)(void *ctx, uint32_t partition, struct state_cursor *cursor, struct err_text *e);
};

struct scorer_io {
    void *ctx; /* of the three functions below; they never block */
    worker_send_fn *to_coordinator;
    /* `kind` is the field in ToPublisher. ERR_BUSY: dropped; the publisher will see the gap (I15). */
    enum err (*to_publisher)(void *ctx, uint32_t kind, const ProtobufCMessage *message);
    /* Something that an operator should read; id is a log id. */
    void (*trouble)(void *ctx, const char *id, const char *text);
    struct scorer_store_io store;
    void *store_ctx;
};

struct scorer_limits {
    size_t cached_units_max;    /* beyond it, units without uncommitted effects are forgotten after a commit */
    int64_t commit_interval_us; /* least time between two commits */
};

struct scorer;

/* The config's catalog is the caller's and outlives the core; only the core changes it. The first welcome says how many
 * partitions there are, and opens state. */
struct scorer *scorer_new(const struct worker_config *config, const struct scorer_limits *limits,
                          const struct scorer_io *io, int64_t now_us);
/* What is not committed is lost; the journal has it. */
void scorer_destroy(struct scorer **s);

/* A message of ToWorker, or of ToScorer. The message is read during the call only. */
void scorer_receive(struct scorer *s, uint32_t kind, const ProtobufCMessage *message, int64_t now_us);
void scorer_verdicts(struct scorer *s, const Parbus__Verdicts *verdicts, int64_t now_us);
/* A message that could not be opened; `why` says what is wrong with it. */
void scorer_malformed(struct scorer *s, const char *why);
/* After each run of received messages: points of the touched units, and Scores. */
void scorer_flush(struct scorer *s);
/* Commits and says what is due; returns when to call again. */
int64_t scorer_tick(struct scorer *s, int64_t now_us);

/* Commits now, whatever the interval says. OK also when there is nothing to commit. */
enum err scorer_commit(struct scorer *s, int64_t now_us);

/* I14; done once every partition was released. */
void scorer_leave(struct scorer *s);
bool scorer_done(const struct scorer *s);
/* Not OK: the process must end, and why (worker.h). */
enum err scorer_over(const struct scorer *s, struct err_text *e);
/* false: not held. applied: in memory. */
bool scorer_position(const struct scorer *s, uint32_t partition, uint64_t *owner_epoch, uint64_t *applied,
                     uint64_t *committed);
const struct metrics *scorer_metrics(const struct scorer *s);
