/* The validator: checks every submission of a journal record and sends the record on to its scorer with the rejected
 * rows (rule I9). It keeps nothing; whatever is lost here the ingestor sends again.
 *
 * Pure: messages and time come in, effects go out through struct validator_io. One thread; several cores may live in
 * one process. */
#pragma once
#include "base/err.h"
#include "base/metrics.h"
#include "base/moment.h"
#include "base/tell.h"
#include "wire/peer.h"
#include "worker/worker.h"

enum validator_source { VALIDATOR_COORDINATOR = WORKER_COORDINATOR };

struct validator_io { /* none of them blocks; none of them calls back into the core */
    void *ctx;
    wire_send_fn *send; /* ToCoordinator */
    tell_fn *tell;
    /* One message to the PULL socket at `endpoint`. ERR_BUSY: dropped. */
    enum err (*to_scorer)(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts);
};

struct validator;

/* The config's catalog is the caller's and outlives the core; only the core changes it. */
struct validator *validator_new(const struct worker_config *config, const struct validator_io *io, struct moment now);
void validator_destroy(struct validator **v);

/* A message of ToWorker, or one that could not be read. It is read during the call only. */
void validator_receive(struct validator *v, enum validator_source source, struct peer peer,
                       const struct wire_message *m, struct moment now);
/* Does what is due; returns when to call again, as mono_us. */
int64_t validator_tick(struct validator *v, struct moment now);

/* No more work, please (I14). What is on its way here is still done. */
void validator_leave(struct validator *v, struct moment now);
/* Not OK: the process must end, and why; ERR_STOPPED: it has left (worker.h). */
enum err validator_over(const struct validator *v, struct err_text *e);
struct metrics *validator_metrics(struct validator *v);
