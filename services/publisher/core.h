/* The publisher's core: holds the table of every series, follows the scorers (rules I15, I16) and the journal's
 * controls (I20), and serves the feed (rules F1-F10). Pure: messages and `now` come in, everything goes out through
 * struct publisher_io.
 *
 * A row carries the pseq of the value it holds and only gives way to a later one, so a reload from state, which may be
 * behind the scorers' messages, never takes a table back. A delta costs O(changed rows * log N). One thread. */
#pragma once
#include "base/metrics.h"
#include "base/moment.h"
#include "base/settings.h"
#include "base/tell.h"
#include "catalog/catalog.h"
#include "standings/standings.h"
#include "state/state.h"
#include "wire/peer.h"
#include "wire/wire.h"
#include "worker/worker.h"

struct publisher;

enum publisher_source { PUBLISHER_COORDINATOR = WORKER_COORDINATOR, PUBLISHER_SCORES, PUBLISHER_SNAPSHOTS };

struct publisher_io {
    void *ctx;
    wire_send_fn *send; /* ToCoordinator */
    tell_fn *tell;
    /* A FeedEvent; may be lost. */
    void (*publish)(void *ctx, const char *topic, const void *event, size_t bytes);
    /* A FromSnapshots. ERR_BUSY: the peer's queue is full, nothing was sent; any other error: the peer is gone. */
    enum err (*answer)(void *ctx, uint64_t peer, const void *message, size_t bytes);
    /* Calls publisher_load for the partition's rows in the state of this journal, then publisher_loaded. Does nothing
     * when state cannot be read or holds nothing later than publisher_position. */
    void (*reload)(void *ctx, struct publisher *p, uint64_t journal_id, uint32_t partition);
};

struct publisher_options {
    const struct settings *settings;
    struct worker_config worker; /* its catalog is the caller's; only the core changes it */
    struct metrics *metrics;
    uint64_t epoch; /* drawn at start; another one = another history */
    struct publisher_io io;
};

/* Serves nobody before it has started: once it is welcome, knows the controls that there were then, and has looked into
 * state for each partition. What is loaded until then makes no deltas. */
struct publisher *publisher_new(const struct publisher_options *o, struct moment now);
void publisher_destroy(struct publisher **p);
bool publisher_started(const struct publisher *p);
/* Not OK: the process must end, and why (worker.h). */
enum err publisher_over(const struct publisher *p, struct err_text *e);

/* ---- from state ---- */

uint64_t publisher_position(const struct publisher *p, uint32_t partition);
/* A row as of pseq. A row of an unknown series or unit is counted and left out. */
void publisher_load(struct publisher *p, const struct unit_score *score, uint64_t pseq);
/* The same as a state_scores_fn; its ctx. */
struct publisher_loading {
    struct publisher *core;
    uint64_t pseq;
};
bool publisher_load_score(void *loading, uint32_t series, uint32_t unit, const struct score_header *header,
                          const int64_t *points);
/* All rows of the partition as of pseq have been loaded. */
void publisher_loaded(struct publisher *p, uint32_t partition, uint64_t pseq);
/* That the partition's rows in state are damaged, and how: health says so until it is read again. NULL: it was read. */
void publisher_damaged(struct publisher *p, uint32_t partition, const char *why);

/* State was deleted and begins anew: what was read from it before is as good as what came in messages (I15e). */
void publisher_state_anew(struct publisher *p);

/* ---- messages ---- */

/* A message of ToWorker, ToPublisher or ToSnapshots, or one that could not be read. It is read during the call only. */
void publisher_receive(struct publisher *p, enum publisher_source source, struct peer peer,
                       const struct wire_message *m, struct moment now);
/* Whether somebody may have what he subscribes to, the bytes of the topic frame (F12, A10). */
bool publisher_lets_follow(struct publisher *p, const char *principal, const void *subscription, size_t bytes,
                           struct moment now);
/* Publishes, reloads, sends heartbeats and snapshots that are due. Returns when to call again, as mono_us. */
int64_t publisher_tick(struct publisher *p, struct moment now);

/* ---- what it holds, for tests and operators ---- */

size_t publisher_topics(const struct publisher *p);
bool publisher_has_topic(const struct publisher *p, const char *name);
/* The table as published, NULL: no such series. *seq is its position in the feed. */
const struct standings *publisher_table(const struct publisher *p, uint32_t series, uint64_t *seq);
