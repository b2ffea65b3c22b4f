/* The scorer: applies verdicts to its partitions in pseq order, keeps points up to date, tells the publisher at once
 * and commits effects and cursor together (rules I5, I6, I10, I11, I13 to I16).
 *
 * Pure: messages and time come in, effects go out through struct scorer_io. One thread; several cores may live in one
 * process. What it holds is bounded: see scorer_limits. */
#pragma once
#include "base/err.h"
#include "base/metrics.h"
#include "base/moment.h"
#include "base/tell.h"
#include "state/state.h"
#include "wire/peer.h"
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

/* SCORER_PUBLISHER is sent to only. */
enum scorer_source { SCORER_COORDINATOR = WORKER_COORDINATOR, SCORER_VERDICTS, SCORER_PUBLISHER };

struct scorer_io {
    void *ctx;
    wire_send_fn *send; /* ToCoordinator, ToPublisher; what the publisher is not sent it sees as a gap (I15d) */
    tell_fn *tell;
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
                          const struct scorer_io *io, struct moment now);
/* What is not committed is lost; the journal has it. */
void scorer_destroy(struct scorer **s);

/* A message of ToWorker or of ToScorer, or one that could not be read. It is read during the call only. */
void scorer_receive(struct scorer *s, enum scorer_source source, struct peer peer, const struct wire_message *m,
                    struct moment now);
/* After each run of received messages: points of the touched units, and Scores; then commits and says what is due.
 * Returns when to call again, as mono_us. */
int64_t scorer_tick(struct scorer *s, struct moment now);

/* The first half of tick alone. */
void scorer_flush(struct scorer *s);
/* Commits now, whatever the interval says. OK also when there is nothing to commit. */
enum err scorer_commit(struct scorer *s, struct moment now);

/* I14: hands its partitions over, one by one. */
void scorer_leave(struct scorer *s);
/* Not OK: the process must end, and why; ERR_STOPPED: it has left (worker.h). */
enum err scorer_over(const struct scorer *s, struct err_text *e);
/* false: not held. applied: in memory. */
bool scorer_position(const struct scorer *s, uint32_t partition, uint64_t *owner_epoch, uint64_t *applied,
                     uint64_t *committed);
struct metrics *scorer_metrics(struct scorer *s);
