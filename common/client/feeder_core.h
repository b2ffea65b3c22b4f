/* The feeder's side of the door without sockets, disk or clock: says hello, sends, resends, waits and forgets as rules
 * D1-D12 say. Used by the shell in feeder.c and by the simulator. One thread.
 *
 * Submissions are packed once, into a ring, and sent from there. With a `store` (the outbox) there may be more
 * submissions than the ring holds: what is beyond it is fetched with feeder_core_wants / feeder_core_put when there is
 * room. */
#pragma once
#include "base/err.h"
#include "base/moment.h"
#include "client/feeder_pack.h"
#include "wire/wire.h"
#include <parbus/feeder.h>
#include <stddef.h>

struct feeder_core;

struct feeder_core_io { /* what the core does to the world; called inside tick and receive only */
    void *ctx;
    /* One message to the ingestor, without waiting. ERR_BUSY: later. */
    enum err (*send)(void *ctx, const void *data, size_t bytes);
    /* A new epoch: what was `first` is 1 now, and so on. Must be on disk when it returns; an error stops the feeder for
     * good. NULL: there is no disk. */
    enum err (*renumber)(void *ctx, uint64_t epoch, uint64_t first, struct err_text *e);
    /* Everything up to seq, which has this digest, has its receipt: it may be forgotten at leisure. NULL: nobody cares.
     */
    void (*settled)(void *ctx, uint64_t up_to_seq, uint64_t digest);
    /* The digest (D17) of all submissions up to this one, which the ring does not hold yet. An error: nobody knows it
     * any more. NULL: there is no disk. */
    enum err (*digest)(void *ctx, uint64_t seq, uint64_t *digest);
};

struct feeder_core_options {
    const char *name;
    uint64_t epoch; /* from the outbox; without one from the wall clock, so that each process begins afresh (D3e) */
    uint64_t epoch_step;   /* later epochs lie a multiple of it after this one; a power of two, 0: 1 */
    uint64_t next_seq;     /* from the outbox: seq of the next submission; else 1 */
    uint64_t first_seq;    /* … the oldest without a receipt; = next_seq when there is none */
    uint64_t digest;       /* … of all before first_seq (D17) */
    uint64_t line;         /* … or drawn for this process; never 0 (D16) */
    bool without_outbox;   /* the line ends with this process */
    bool take_over;        /* a person says that whoever has the name is not to have it any more */
    size_t ring_bytes;     /* memory for what has no receipt; 0: 8 MiB */
    uint32_t ring_entries; /* a power of two; 0: 16384 */
    bool stored;           /* submissions come through feeder_core_take and are sent once released */
    struct feeder_core_io io;
    struct parbus_feeder_events events;
};

struct feeder_core *feeder_core_new(const struct feeder_core_options *o);
void feeder_core_destroy(struct feeder_core **c);

/* ---- submissions ---- */

/* Without a store: checks, packs into the ring, fills in seq. ERR_BUSY: the ring is full. O(bytes), allocates nothing.
 */
enum err feeder_core_submit(struct feeder_core *c, Parbus__Submission *submission, struct err_text *e);
/* With a store: checks, fills in the seq that it will have and plans the packing; the caller packs it, then hands it
 * over. */
enum err feeder_core_number(struct feeder_core *c, Parbus__Submission *submission, struct feeder_pack_plan *plan,
                            struct err_text *e);
void feeder_core_take(struct feeder_core *c, const void *envelope, size_t bytes);
/* On disk up to here: may be sent. */
void feeder_core_release(struct feeder_core *c, uint64_t up_to_seq);
/* The seq whose envelope the ring wants next; 0: none, or no place for another. */
uint64_t feeder_core_wants(struct feeder_core *c);
/* It cannot be had any more, and why: when all before it has its receipt and it has none, it is told as refused, and a
 * new epoch begins after it. */
void feeder_core_lost(struct feeder_core *c, const char *why);
/* false: no room. */
bool feeder_core_put(struct feeder_core *c, const void *envelope, size_t bytes);

/* ---- questions: sent again each second until answered; a newer one of the same kind takes the place of the older ----
 */

void feeder_core_status(struct feeder_core *c, uint64_t from_seq, uint64_t to_seq, uint32_t from_row);
void feeder_core_describe(struct feeder_core *c, const char *index, const char *period);
void feeder_core_stats(struct feeder_core *c);

/* ---- the loop ---- */

/* Sends what is due. Returns when to call it again, at the latest (mono_us). */
int64_t feeder_core_tick(struct feeder_core *c, struct moment now);
/* A ToFeeder from the ingestor. What could not be read is told as trouble and dropped. */
void feeder_core_receive(struct feeder_core *c, const struct wire_message *m, struct moment now);
/* Nothing more is to be submitted: as soon as everything has its receipt, the name is given back (D18). No event is
 * told any more. */
void feeder_core_bye(struct feeder_core *c);
/* Only the answer is missing. */
bool feeder_core_may_go(const struct feeder_core *c);
/* It has been. */
bool feeder_core_is_gone(const struct feeder_core *c);
/* false: not known. */
bool feeder_core_digest(const struct feeder_core *c, uint64_t seq, uint64_t *digest);
/* OK, or the error that stopped this feeder for good. */
enum err feeder_core_failure(const struct feeder_core *c, struct err_text *e);
struct parbus_feeder_totals feeder_core_totals(const struct feeder_core *c);
