/* What validator, scorer and publisher have in common towards the coordinator (rules I1, I2, I14, I20): hello,
 * heartbeats with counters, leaving, and the journal's controls, which they know from it alone. Pure: time comes in,
 * messages go out through a function. */
#pragma once
#include "base/err.h"
#include "base/metrics.h"
#include "catalog/follow.h"
#include "inside.pb-c.h"
#include "wire/wire.h"
#include "worker/bookmark.h"
#include "worker/membership.h"
#include "worker/record_source.h"
#include <stddef.h>

struct worker_config { /* strings are the caller's and outlive the worker */
    Parbus__Role role;
    const char *instance, *endpoint; /* endpoint: scorers; else NULL */
    uint32_t pid;
    uint64_t incarnation; /* drawn at start */
    int64_t heartbeat_us;
    struct catalog *catalog;             /* follows the journal; the worker alone applies controls to it */
    struct bookmark *bookmark;           /* where it notes what it is at; NULL: nowhere that outlives it */
    struct bookmark unfinished;          /* what the one before it under this name was at; pseq 0: at none */
    const struct record_source *records; /* where records are read; NULL: in the messages */
};

/* Of every worker's core, the way to the coordinator is source 0, and there is but one peer. */
enum { WORKER_COORDINATOR = 0, WORKER_PEER = 1 };

enum duty { DUTY_ON, DUTY_LEAVING, DUTY_OVER };

#define DUTY_EDGES(X)                                                                                                  \
    X(DUTY_ON, DUTY_LEAVING, "a stop signal: Leave (I14)")                                                             \
    X(DUTY_ON, DUTY_OVER, "it cannot go on: another journal, a control that cannot be applied, no state")              \
    X(DUTY_LEAVING, DUTY_OVER, "all is done, or it cannot go on")
extern const struct state_machine duty_machine;

struct worker {
    struct worker_config config;
    struct membership membership;
    wire_send_fn *send;
    void *ctx;
    struct bookmark own_bookmark; /* when config.bookmark is NULL */
    const char *trouble;          /* for heartbeats: why the work cannot be done (the caller's string); NULL: it can */
    struct follow follow;
    uint64_t journal_id; /* of the first welcome; 0: it is not welcome yet */
    uint64_t needs;      /* controls that there were when it was welcomed: before it knows them it gets no work */
    enum duty duty;
    enum err over; /* not OK exactly when duty is DUTY_OVER: this process must end */
    struct err_text why_over;
};

void worker_init(struct worker *w, const struct worker_config *config, wire_send_fn *send, void *ctx, int64_t now_us);

/* Where to note what it is at; never NULL. The worker stays where it was initialised. */
static inline struct bookmark *worker_bookmark(struct worker *w)
{
    return w->config.bookmark ? w->config.bookmark : &w->own_bookmark;
}

/* Sends what is due; returns whether a heartbeat was among it. `owned` are the partitions held. */
bool worker_tick(struct worker *w, const struct metrics *metrics, const uint32_t *owned, size_t owned_count,
                 int64_t now_us);

/* Frees what it holds; the catalog is the caller's. */
void worker_free(struct worker *w);
/* When to call worker_tick again. */
int64_t worker_deadline_us(const struct worker *w);

/* Returns true when the term is another one than before (I1). An ingestor with another journal than before ends the
 * process. */
bool worker_welcome(struct worker *w, const Parbus__WorkerWelcome *m, int64_t now_us);

/* Whether the catalog knows the controls up to here. What it does not know is asked for by worker_tick. */
static inline bool worker_knows(struct worker *w, uint64_t control_seq)
{
    return follow_knows(&w->follow, control_seq);
}
/* Returns whether the catalog has changed. A control that cannot be applied ends the process. */
bool worker_controls(struct worker *w, const Parbus__Controls *controls, int64_t now_us);
/* OK: it goes on. ERR_STOPPED: it has left, and all is done. Else the process must end and start again; *e says why. */
enum err worker_over(const struct worker *w, struct err_text *e);
/* It cannot go on; `err` is not OK. The first reason stays. */
void worker_end(struct worker *w, enum err err, const struct err_text *why);
/* It is welcome, and knows all controls that there were then. */
bool worker_ready(const struct worker *w);

/* Says Leave, and again with each heartbeat: the first may be lost. */
void worker_leave(struct worker *w);
static inline bool worker_leaves(const struct worker *w) { return w->duty == DUTY_LEAVING; }
/* It leaves, and has nothing to do any more: over. */
void worker_left(struct worker *w);
