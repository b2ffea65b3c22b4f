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

/* None of the functions calls back into the core, except the fn that it was given. All but write only read, what is
 * committed. */
struct scorer_store_io {
    /* Opens the state of this journal, before anything else is asked of it. An error ends the process. */
    enum err (*open)(void *ctx, uint64_t journal_id, struct err_text *e);
    /* As the functions of state.h. */
    enum err (*tallies)(void *ctx, uint32_t partition, state_tally_fn *fn, void *fn_ctx, struct err_text *e);
    enum err (*values)(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage, struct cell *cell,
                       size_t cell_count, struct err_text *e);
    enum err (*scores)(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, struct score_header *header,
                       int64_t *points, size_t points_max, struct err_text *e);
    enum err (*cursor)(void *ctx, uint32_t partition, struct state_cursor *cursor, struct err_text *e);
    /* Hands over what scorer_written answers later; one at a time. The work and all behind it stay as they are until
     * then, but for what state_claim and state_commit set in it. */
    void (*write)(void *ctx, struct state_work *work, uint64_t ticket);
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
    int64_t commit_interval_us; /* least time from one commit to the next */
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

/* What became of the work under way: OK, with claims and batches marked; else nothing of it was written, as far as
 * anybody knows, and why. */
void scorer_written(struct scorer *s, uint64_t ticket, enum err result, const char *why, struct moment now);
/* false: verdicts would be refused until scorer_written. They may wait where they are. */
bool scorer_takes(const struct scorer *s);

/* The first half of tick alone. */
void scorer_flush(struct scorer *s);
/* Hands over whatever is not committed, whatever the interval says, unless something is under way. Returns whether
 * something is under way now. */
bool scorer_commit(struct scorer *s, struct moment now);

/* I14: hands its partitions over, one by one. */
void scorer_leave(struct scorer *s);
/* Not OK: the process must end, and why; ERR_STOPPED: it has left (worker.h). */
enum err scorer_over(const struct scorer *s, struct err_text *e);
/* false: not owned. applied: in memory. */
bool scorer_position(const struct scorer *s, uint32_t partition, uint64_t *owner_epoch, uint64_t *applied,
                     uint64_t *committed);
struct metrics *scorer_metrics(struct scorer *s);
