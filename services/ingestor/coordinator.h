/* The workers' side: who is alive, which partition is whose (OWNERSHIP_EDGES), and what of the journal is on its way
 * (flow.h). Records flow while a partition is OWNED (rules I7, I8). */
#pragma once
#include "base/ends.h"
#include "base/map.h"
#include "base/states.h"
#include "catalog/catalog.h"
#include "inside.pb-c.h"
#include "services/ingestor/door.h"
#include "services/ingestor/standstill.h"

enum {
    WORKERS_MAX = 256,
    WORKER_COUNTERS_MAX = 64,
    FLIGHTS_MAX = 512,
    SUSPECTS_MAX = 256,
    REPORTERS_MAX = 16,
    WORKER_NONE = -1
};

enum ownership { OWNERSHIP_UNOWNED, OWNERSHIP_ASSIGNING, OWNERSHIP_OWNED, OWNERSHIP_RELEASING };

#define OWNERSHIP_EDGES(X)                                                                                             \
    X(OWNERSHIP_UNOWNED, OWNERSHIP_ASSIGNING, "a live scorer is chosen: Assign")                                       \
    X(OWNERSHIP_ASSIGNING, OWNERSHIP_OWNED, "Owned")                                                                   \
    X(OWNERSHIP_ASSIGNING, OWNERSHIP_UNOWNED,                                                                          \
      "its scorer is dead or refuses it, state is ahead of the journal, or an entry is to be set aside")               \
    X(OWNERSHIP_OWNED, OWNERSHIP_RELEASING, "another scorer should have it, or its own leaves: Release")               \
    X(OWNERSHIP_OWNED, OWNERSHIP_UNOWNED,                                                                              \
      "its scorer is dead or has lost it, state is ahead of the journal, or an entry is to be set aside")              \
    X(OWNERSHIP_RELEASING, OWNERSHIP_UNOWNED,                                                                          \
      "Released, release_timeout_ms, its scorer is dead, or an entry is to be set aside")
extern const struct state_machine ownership_machine;

struct flight { /* a record sent and not yet applied */
    uint64_t last_pseq;
    uint32_t bytes;
};

struct partition {
    enum ownership state;
    int16_t scorer, validator; /* WORKER_NONE: nobody */
    int16_t validator_next;    /* takes over when nothing is in flight */
    uint64_t owner_epoch;
    uint64_t last; /* in the journal */
    uint64_t sent, applied;
    uint64_t seen;         /* greatest pseq ever sent: at or below it is "again" */
    uint64_t known;        /* greatest pseq that a worker can have: the start found it in the journal, or it was sent */
    struct flight *flight; /* ring of FLIGHTS_MAX, allocated when first used */
    uint32_t flight_head, flight_count;
    size_t flight_bytes;
    int64_t entered_us;     /* the state */
    int64_t progress_us;    /* last progress, or when sending began anew: resend_after_ms counts from here */
    int64_t paused_us;      /* not owned any more */
    int64_t asked_us;       /* Assign or Release last sent */
    uint32_t patience;      /* resend after resend_after_ms << patience */
    int64_t quiet_until_us; /* nothing of it is sent before: what went out did not move it, others have the window */
    uint64_t heard;         /* greatest serial of Owned and Progress under this owner epoch */
    int64_t rest_until_us;  /* state refused it: not given away again before; 0: at once, INT64_MAX: never */
    struct standstill standstill;
    char *damage;            /* malloc'ed sentence: its next record is damaged in the journal; NULL: it is not */
    uint64_t damage_next;    /* that record's pseq, or one of it */
    int64_t damage_until_us; /* it is not looked at again before */
    uint32_t agenda_place;   /* 1 + its index in coordinator.agenda; 0: nothing can be due of it */
    bool unplaced;           /* who should have it is to be asked anew */
    bool missed;             /* Assign is to be repeated: one of them was lost (I13a), or the scorer forgot (I2b) */
};

struct suspect { /* an entry at which workers ended (I17) */
    uint32_t partition, tries;
    uint64_t pseq;
    uint64_t control_seq;                   /* of the SetAside that is on its way into the journal; 0: none is */
    uint64_t reporter[REPORTERS_MAX];       /* ring, of name and incarnation: their hello may come again later */
    char instance[WIRE_NAME_BYTES_MAX + 1]; /* of who reported it last */
};

enum worker_state { WORKER_VACANT, WORKER_JOINING, WORKER_LIVE, WORKER_LEAVING, WORKER_DEAD, WORKER_LEFT };

#define WORKER_EDGES(X)                                                                                                \
    X(WORKER_VACANT, WORKER_JOINING, "WorkerHello of a new process")                                                   \
    X(WORKER_JOINING, WORKER_LIVE, "it knows the controls that there were when it joined (I20): it gets work")         \
    X(WORKER_JOINING, WORKER_LEAVING, "Leave")                                                                         \
    X(WORKER_JOINING, WORKER_DEAD, "silent for worker_lease_ms, or another process has its name")                      \
    X(WORKER_LIVE, WORKER_LEAVING, "Leave")                                                                            \
    X(WORKER_LIVE, WORKER_DEAD, "silent for worker_lease_ms, or another process has its name")                         \
    X(WORKER_LEAVING, WORKER_LEFT, "silent for worker_lease_ms, or another process has its name")                      \
    X(WORKER_DEAD, WORKER_JOINING, "WorkerHello: it was there all the time, or a new process takes the slot")          \
    X(WORKER_LEFT, WORKER_JOINING, "WorkerHello: a new process takes the slot")
extern const struct state_machine worker_machine;

struct worker { /* its slot; all zero: WORKER_VACANT */
    enum worker_state state;
    Parbus__Role role;
    char instance[WIRE_NAME_BYTES_MAX + 1], endpoint[512];
    uint64_t peer, incarnation, name_hash;
    uint32_t pid;
    int64_t heard_us;
    char trouble[256];   /* of its last heartbeat */
    uint64_t controls;   /* it said that it knows those up to here … */
    uint64_t needs;      /* … and gets work once it knows those that there were when it joined (I20) */
    size_t flight_bytes; /* scorers: of all its partitions */
    int64_t joined_us;
    uint64_t done, done_then; /* entries applied that went through it; then: at the older sample */
    uint64_t done_last;       /* … at the younger one */
    struct {
        char name[48];
        uint64_t value;
    } * counter;
    size_t counter_count;
};

/* JOINING, LIVE, LEAVING: its messages are heeded. Only a live one is given partitions. */
static inline bool worker_alive(const struct worker *w)
{
    return w->state == WORKER_JOINING || w->state == WORKER_LIVE || w->state == WORKER_LEAVING;
}

/* What rates are made of: taken every 2 s, so that the older of two is 2 to 4 s old. */
struct sample {
    int64_t at_us;
    uint64_t received, applied, behind;
};

struct coordinator {
    const struct settings *settings;
    const struct ingestor_io *io;
    struct metrics *metrics;
    struct door *door;
    uint32_t partitions;
    uint64_t journal_id, term, epochs; /* owner epochs given out in this term */
    uint64_t controls;                 /* so many are in the journal */
    struct partition *partition;
    uint32_t *agenda; /* agenda.h: so many numbers of partitions, in no order */
    uint32_t agenda_count;
    uint64_t behind; /* entries of all partitions that are in the journal and not applied */
    struct worker worker[WORKERS_MAX];
    int worker_count;
    struct map tally_of; /* partition << 32 | feeder -> index into tally */
    struct kept_tally {
        uint64_t epoch, scored, accepted_rows, rejected_rows;
    } * tally;
    size_t tally_count, tally_capacity;
    struct suspect suspect[SUSPECTS_MAX];
    size_t suspect_count;
    struct ends ends;   /* of workers that came back as another process */
    int64_t watched_us; /* partitions were looked at, whether they stand still */
    bool rebalance;     /* who is alive and may be given partitions has changed */
    int64_t started_us; /* first tick; 0: none yet */
    uint64_t applied;   /* entries, in this term */
    struct sample then, last;
    uint32_t pump_first;
    struct buffer rest; /* of a record that is applied in part */
    char read_trouble[256];
    char ahead[512]; /* a worker has what the journal does not (I5c); "": none */
};

void coordinator_init(struct coordinator *c, const struct settings *settings, const struct ingestor_io *io,
                      struct metrics *metrics, struct door *door, uint32_t partitions, uint64_t journal_id,
                      uint64_t term);
void coordinator_free(struct coordinator *c);

void coordinator_message(struct coordinator *c, uint64_t peer, const struct wire_message *m, int64_t now_us);
/* Leases, repeats, resends, moves, and what the windows allow. After each run of messages. O(workers + partitions on
 * the agenda). Returns when something is
 * due, as mono_us. */
int64_t coordinator_tick(struct coordinator *c, int64_t now_us);

/* stats.c: for StatsReply, whose `counter` has room for WORKERS_MAX * WORKER_COUNTERS_MAX more. */
void coordinator_stats(struct coordinator *c, Parbus__StatsReply *reply, struct arena *arena, int64_t now_us);
uint64_t coordinator_lag(const struct coordinator *c);
/* Takes a sample when one is due. Returns when the next one is, as mono_us. */
int64_t coordinator_sample(struct coordinator *c, int64_t now_us);
