/* The door, for feeders: numbers submissions, keeps them until they have a receipt (in memory, and in an outbox on disk
 * when one is named), sends and re-sends them, and reports receipts, refusals, scores and verdicts. Reconnecting after
 * the ingestor restarts is automatic; nothing that was submitted is lost or counted twice (PROTOCOL.md, rules D*).
 *
 * Threads: different feeds and feeders may be used by different threads at the same time, each by one thread at a time.
 * There is no loop and no thread of ours that calls back: everything happens inside parbus_feeder_step and
 * parbus_feeder_poll. From a callback everything may be called but these two and parbus_feeder_close.
 *
 * Lifetime: strings passed in are copied; what is handed to a callback lives until it returns.
 *
 * Units: times are microseconds of CLOCK_MONOTONIC unless a name says otherwise. */
#pragma once
#include "door.pb-c.h"
#include <parbus/error.h>
#include <parbus/keys.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct parbus_feeder; /* one identity at one door */

struct parbus_feeder_events { /* any may be NULL */
    void *ctx;
    void (*receipt)(void *ctx, uint64_t up_to_seq);
    /* The submission did not enter the journal and will not be sent again; seq 0: a question was refused. */
    void (*refusal)(void *ctx, uint64_t seq, Parbus__Reason reason, const char *detail);
    void (*scored)(void *ctx, uint64_t scored, uint64_t accepted_rows, uint64_t rejected_rows);
    void (*verdict)(void *ctx, const Parbus__Verdict *verdict);
    void (*description)(void *ctx, const Parbus__Description *description);
    void (*stats)(void *ctx, const Parbus__StatsReply *stats);
    /* A new epoch began (D3a, D3c): what was first_seq is seq 1 now, and so on; what was before it is beyond asking. */
    void (*renumbered)(void *ctx, uint64_t epoch, uint64_t first_seq);
    void (*trouble)(void *ctx, const char *text); /* busy, disk full, reconnecting …; it goes on by itself */
};

struct parbus_feeder_options {
    const char *endpoint;           /* "ipc:///srv/parbus/run/door", "tcp://…" */
    const char *name;               /* identity */
    const char *outbox;             /* directory, made when missing; NULL: in memory only */
    size_t memory_bytes;            /* for what has no receipt; 0: 8 MiB, at least 2 MiB */
    const struct parbus_keys *keys; /* copied; NULL: none, for ipc:// and servers without keys */
    bool take_over;                 /* a person says that whoever has the name is not to have it any more (D16) */
    struct parbus_feeder_events events;
};

/* Opens the outbox and connects; what the outbox holds without a receipt goes out again. Does not wait for the
 * ingestor. PARBUS_ERR_INVALID (name, endpoint; another feeder's outbox), PARBUS_ERR_BUSY (another process has the
 * outbox), PARBUS_ERR_IO, PARBUS_ERR_FULL, PARBUS_ERR_CORRUPT, PARBUS_ERR_VERSION (the outbox cannot be used, and why).
 * *f is NULL then. */
PARBUS_API enum parbus_err parbus_feeder_open(struct parbus_feeder **f, const struct parbus_feeder_options *o,
                                              struct parbus_err_text *e);
/* What is in the outbox stays there for the next parbus_feeder_open; what was in memory only is lost. When everything
 * has its receipt, the name is given back (D18): that waits for a commit of the ingestor's, 0.3 s at most, and tells no
 * event. *f becomes NULL. */
PARBUS_API void parbus_feeder_close(struct parbus_feeder **f);

/* ---- submissions ---- */

/* Takes a submission: its seq is filled in (the message is the caller's; only seq is written). With an outbox it is on
 * disk, synced, after the next parbus_feeder_sync, poll or step; without, it lives as long as the process.
 * PARBUS_ERR_BUSY: there is no room (memory_bytes, or the outbox); try again after the next step, for only a receipt
 * makes some: asking does not bring the deadline nearer, so a loop that steps and then tries again does not spin. What
 * was taken is due at once. PARBUS_ERR_TOO_LARGE, PARBUS_ERR_INVALID: it would be refused; not taken. */
PARBUS_API enum parbus_err parbus_feeder_submit(struct parbus_feeder *f, Parbus__Submission *submission, uint64_t *seq,
                                                struct parbus_err_text *e);
/* Writes what was submitted to the outbox, one synced transaction; without an outbox nothing. What is new there is due
 * at once. PARBUS_ERR_FULL: it is
 * still in memory, and polls try again. After another error a poll ends the feeder. */
PARBUS_API enum parbus_err parbus_feeder_sync(struct parbus_feeder *f, struct parbus_err_text *e);

/* ---- questions: due at once; the answer comes through an event in a later turn; until then the question is asked
 * again, and a newer one of the same kind takes its place ---- */

/* The rejects of from_seq .. to_seq, both included, from row from_row of from_seq on (D11): `verdict`. */
PARBUS_API void parbus_feeder_status(struct parbus_feeder *f, uint64_t from_seq, uint64_t to_seq, uint32_t from_row);
/* An index, as of a period or (NULL, "") the newest; index "": which there are (D12): `description`, or `refusal` with
 * seq 0 when there is no such index. */
PARBUS_API void parbus_feeder_describe(struct parbus_feeder *f, const char *index, const char *period);
/* How the pipeline does, for operators (D13): `stats`. */
PARBUS_API void parbus_feeder_stats(struct parbus_feeder *f);

/* ---- the loop: either poll, … ---- */

/* One turn: sends, receives, resends; waits at most timeout_ms for something to do (0: not at all; < 0: as long as it
 * takes). Returns PARBUS_OK, or the error that stops this feeder for good: protocol version, name refused, outbox
 * unusable. An ingestor that is not there is none. */
PARBUS_API enum parbus_err parbus_feeder_poll(struct parbus_feeder *f, int timeout_ms, struct parbus_err_text *e);

/* ---- … or inside the caller's: wait until the descriptor can be read or the deadline is there, then step. Ask for the
 * deadline anew before each wait: whatever is submitted changes it. ---- */

/* For poll, epoll (level-triggered), libuv …; the feeder's own: neither read nor closed by the caller. It stays the
 * same until parbus_feeder_close. */
PARBUS_API int parbus_feeder_fd(const struct parbus_feeder *f);
/* When the feeder has something to do though nothing comes: at once (a time in the past) when something was submitted
 * or asked, or a message waits to be read; else the next time to send again, to say hello, or to try a full disk.
 * INT64_MAX: nothing until a message comes. A step earlier than that does no harm. */
PARBUS_API int64_t parbus_feeder_deadline_us(struct parbus_feeder *f);
/* How long it is until then, rounded up: for poll and epoll_wait. -1: no deadline. */
PARBUS_API int parbus_feeder_timeout_ms(struct parbus_feeder *f);
/* One turn without waiting, but for the disk when something was submitted since and there is an outbox; with nothing to
 * do it does nothing. Errors as parbus_feeder_poll. */
PARBUS_API enum parbus_err parbus_feeder_step(struct parbus_feeder *f, struct parbus_err_text *e);

/* ---- what it holds ---- */

struct parbus_feeder_totals {
    bool connected;           /* a Welcome came on this connection */
    bool in_use;              /* another process, or another outbox, has the name: it waits */
    uint32_t number;          /* feeder number; 0 before the first Welcome */
    uint64_t epoch, last_seq; /* submitted */
    uint64_t receipted;       /* has a receipt, or was refused for good, without a hole */
    uint64_t kept;            /* … or is on disk in the outbox; what comes after it is lost with the process */
    uint64_t scored, accepted_rows, rejected_rows;
};
PARBUS_API struct parbus_feeder_totals parbus_feeder_totals(const struct parbus_feeder *f);

/* The word for a reason, as people and CSV files see it ("UNIT_UNKNOWN"), and its sentence. Static, never NULL; of a
 * number that this version does not know they say so. */
PARBUS_API const char *parbus_reason_name(Parbus__Reason reason);
PARBUS_API const char *parbus_reason_text(Parbus__Reason reason);

#ifdef __cplusplus
}
#endif
