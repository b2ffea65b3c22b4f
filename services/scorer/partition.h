/* A partition at its scorer, from the moment it is assigned: what it is at, and what of it is in memory only.
 *
 * Effects are in one of three places. `dirty`: in memory. `cut`: copied into the commit under way; state may have them
 * or not. Else in state. So committed ≤ handed_over ≤ applied, and more can be applied while a commit is under way. */
#pragma once
#include "base/buffer.h"
#include "base/states.h"
#include "services/scorer/tallies.h"
#include "services/scorer/units.h"

enum holding { HOLDING_WANTED, HOLDING_CLAIMING, HOLDING_OWNED, HOLDING_RELEASING };

#define HOLDING_EDGES(X)                                                                                               \
    X(HOLDING_WANTED, HOLDING_CLAIMING, "its claim is handed over to whoever writes state")                            \
    X(HOLDING_CLAIMING, HOLDING_WANTED, "it could not be written, or a later epoch is wanted by now")                  \
    X(HOLDING_CLAIMING, HOLDING_OWNED, "state says that it is ours")                                                   \
    X(HOLDING_OWNED, HOLDING_RELEASING, "it is asked back, and goes when all that was applied is committed")
extern const struct state_machine holding_machine;

struct pending_reject { /* a reject that is not committed; its sentence is at detail_at of the details beside it */
    struct state_reject_put put;
    size_t detail_at;
};

struct effects {
    struct buffer units;   /* struct cached_unit *: each once */
    struct buffer rejects; /* struct pending_reject */
    struct buffer details;
};

struct partition {
    uint32_t number;
    enum holding state;
    uint64_t owner_epoch;
    uint64_t release_epoch;  /* RELEASING: as it was asked back */
    uint64_t applied;        /* in memory */
    uint64_t handed_over;    /* with the commit under way; without one: committed */
    uint64_t committed;      /* in state */
    uint64_t mark;           /* of the entry `applied` (record_mark) */
    uint64_t committed_mark; /* of `committed` */
    uint64_t serial;         /* of the last Owned or Progress (I13a) */
    uint64_t controls;       /* control seq of the catalog when its first entry was applied (I15f); 0: none yet */
    uint64_t told; /* pseq of the last Scores, sent or dropped; at first: applied when it was taken over (I15a) */
    struct units units;
    struct tallies tallies;
    struct buffer touched; /* struct cached_unit *: to be scored */
    struct effects dirty, cut;
    size_t touched_bytes; /* what Scores will take at most */
    int64_t gap_after_us, repeat_after_us;
    bool repeat;  /* the coordinator missed a Progress: say everything again */
    bool waits;   /* verdicts were refused for want of controls: asked for again when these are there */
    bool refused; /* … for want of room: asked for again when there is some */
};
