/* State in memory, with the promises of state.h, as long as no mutation breaks them: one transaction for all batches,
 * owner epoch and cursor checked inside it, and a power cut that may take back the last transaction, whole. */
#pragma once
#include "state/state.h"
#include "tests/sim/kv.h"
#include "tests/sim/mutation.h"

struct sim;
struct actor;
struct state_work;

enum {
    SIM_STATE_PARTITIONS = 'p',
    SIM_STATE_VALUES = 'v',
    SIM_STATE_SCORES = 's',
    SIM_STATE_TALLIES = 't'
}; /* first byte of a row's key */

struct sim_state {
    struct kv kv, copy;
    const struct actor *holder; /* of the transaction that is pending */
    uint32_t lies;              /* so many of the next commits are there though they failed */
    int64_t full_until_us, slow_until_us;
    uint32_t write_errors, read_errors; /* so many of the next calls fail */
};

/* In the writer's thread of a scorer: claims and batches, each a transaction. */
enum err sim_state_write(struct sim *s, struct actor *n, struct state_work *w, struct err_text *e);
/* The scorer died before it knew: it is written or not. */
void sim_state_abandoned(struct sim *s, struct actor *n, struct state_work *w);
enum err sim_state_cursor_get(struct sim *s, struct actor *n, uint32_t partition, struct state_cursor *cursor,
                              struct err_text *e);
enum err sim_state_values(struct sim *s, struct actor *n, uint32_t partition, uint32_t series, uint32_t unit,
                          uint8_t stage, struct cell *cell, size_t cell_count, struct err_text *e);
enum err sim_state_scores(struct sim *s, struct actor *n, uint32_t partition, uint32_t series, uint32_t unit,
                          struct score_header *header, int64_t *points, size_t points_max, struct err_text *e);
enum err sim_state_tallies(struct sim *s, struct actor *n, uint32_t partition, state_tally_fn *fn, void *ctx,
                           struct err_text *e);
/* *applied: what they are as of. */
enum err sim_state_scores_each(struct sim *s, struct actor *n, uint32_t partition, uint64_t *applied,
                               state_scores_fn *fn, void *ctx, struct err_text *e);
void sim_state_rejects(struct sim *s, struct actor *n, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       state_reject_fn *fn, void *ctx);
void sim_state_power_cut(struct sim *s);
/* What an operator does while nobody has it open. */
void sim_state_delete(struct sim *s);
void sim_state_copy(struct sim *s);
void sim_state_restore(struct sim *s);

/* Without a process, for checks and replay. */
struct state_cursor sim_state_cursor(const struct sim_state *t, uint32_t partition);
struct state_cursor sim_cursor_in(const struct kv *kv, uint32_t partition);
void sim_state_put(struct sim_state *t, const struct state_batch *b, enum mutation mutation, int64_t now_us);
void sim_state_write_cursor(struct sim_state *t, uint32_t partition, const struct state_cursor *cursor);
enum err sim_state_read_values(const struct sim_state *t, uint32_t partition, uint32_t series, uint32_t unit,
                               uint8_t stage, struct cell *cell, size_t cell_count);
/* NULL: no such row. *points follow the header. */
const struct score_header *sim_state_read_scores(const struct sim_state *t, uint32_t partition, uint32_t series,
                                                 uint32_t unit, const int64_t **points);
/* Of a partition's cursor. NULL: there is none. */
const struct kv_row *sim_state_cursor_row(const struct sim_state *t, uint32_t partition);
/* The row of values or scores; stage 0: scores. NULL: there is none. */
const struct kv_row *sim_state_row(const struct sim_state *t, uint32_t partition, uint32_t series, uint32_t unit,
                                   uint8_t stage);
/* Of values, scores or a tally. */
uint32_t sim_state_partition(const struct kv_row *row);
/* Returns the epoch that the tally is of; 0: none. */
uint64_t sim_state_read_tally(const struct sim_state *t, uint32_t partition, uint32_t feeder, struct tally *out);
size_t sim_state_reject_count(const struct sim_state *t);
bool sim_state_read_reject(const struct sim_state *t, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                           struct reject_header *out);
/* Whether both hold the same but for owner epochs; `what` says the first difference. */
bool sim_state_same(const struct sim_state *a, const struct sim_state *b, char *what, size_t bytes);
