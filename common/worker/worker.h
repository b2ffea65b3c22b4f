/* What validator, scorer and publisher have in common towards the coordinator (rules I1, I2, I14): hello, heartbeats
 * with counters, leaving. Pure: time comes in, messages go out through a function. */
#pragma once
#include "base/err.h"
#include "base/metrics.h"
#include "inside.pb-c.h"
#include "worker/bookmark.h"
#include "worker/membership.h"
#include <stddef.h>

struct worker_config { /* strings are the caller's and outlive the worker */
    Parbus__Role role;
    const char *instance, *endpoint; /* endpoint: scorers; else NULL */
    uint32_t pid;
    uint64_t incarnation; /* drawn at start */
    uint64_t journal_id;
    int64_t heartbeat_us;
    struct bookmark *bookmark;  /* where it notes what it is at; NULL: nowhere that outlives it */
    struct bookmark unfinished; /* what the one before it under this name was at; pseq 0: at none */
};

/* Never blocks. ERR_BUSY: not sent; whoever needs an answer repeats. `kind` is the field in ToCoordinator. */
typedef enum err worker_send_fn(void *ctx, uint32_t kind, const ProtobufCMessage *message);

struct worker {
    struct worker_config config;
    struct membership membership;
    worker_send_fn *send;
    void *ctx;
    struct bookmark own_bookmark; /* when config.bookmark is NULL */
    const char *trouble;          /* for heartbeats: why the work cannot be done (the caller's string); NULL: it can */
    bool leaving;
    bool other_journal; /* the ingestor serves another journal: this process must end and start again */
};

void worker_init(struct worker *w, const struct worker_config *config, worker_send_fn *send, void *ctx, int64_t now_us);

/* Where to note what it is at; never NULL. The worker stays where it was initialised. */
static inline struct bookmark *worker_bookmark(struct worker *w)
{
    return w->config.bookmark ? w->config.bookmark : &w->own_bookmark;
}

/* Sends what is due; returns whether a heartbeat was among it. `owned` are the partitions held. */
bool worker_tick(struct worker *w, const struct metrics *metrics, const uint32_t *owned, size_t owned_count,
                 int64_t now_us);

/* Returns true when the term is another one than before (I1). */
bool worker_welcome(struct worker *w, const Parbus__WorkerWelcome *welcome, int64_t now_us);

/* Says Leave, and again with each heartbeat: the first may be lost. */
void worker_leave(struct worker *w);
