/* The validator: checks every submission of a journal record and sends the record on to its scorer with the rejected
 * rows (rule I9). It keeps nothing; whatever is lost here the ingestor sends again.
 *
 * Pure: messages and time come in, effects go out through struct validator_io. One thread; several cores may live in
 * one process. */
#pragma once
#include "base/err.h"
#include "base/metrics.h"
#include "inside.pb-c.h"
#include "worker/worker.h"

struct validator_io { /* none of them blocks; none of them calls back into the core */
    void *ctx;
    worker_send_fn *to_coordinator;
    /* One message to the PULL socket at `endpoint`. ERR_BUSY: dropped. */
    enum err (*to_scorer)(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts);
    /* Something that an operator should read; id is a log id. */
    void (*trouble)(void *ctx, const char *id, const char *text);
};

struct validator;

/* The config's catalog is the caller's and outlives the core; only the core changes it. */
struct validator *validator_new(const struct worker_config *config, const struct validator_io *io, int64_t now_us);
void validator_destroy(struct validator **v);

/* A message of ToWorker. The message is read during the call only. */
void validator_receive(struct validator *v, uint32_t kind, const ProtobufCMessage *message, int64_t now_us);
/* A message that could not be opened; `why` says what is wrong with it. */
void validator_malformed(struct validator *v, const char *why);
/* Does what is due; returns when to call again. */
int64_t validator_tick(struct validator *v, int64_t now_us);

/* No more work, please (I14). */
void validator_leave(struct validator *v);
/* Not OK: the process must end, and why (worker.h). */
enum err validator_over(const struct validator *v, struct err_text *e);
const struct metrics *validator_metrics(const struct validator *v);
