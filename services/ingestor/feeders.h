/* Who the feeders are: their numbers, names and connections, and how far each has come (rules D1, D4, D14). Who has
 * said hello and never submitted is a newcomer, of whom only the last NEWCOMERS_MAX are remembered. */
#pragma once
#include "base/map.h"
#include "base/rate.h"
#include "catalog/catalog.h"
#include "journal/group.h"
#include "services/ingestor/numbers.h"
#include "services/ingestor/rights.h"

struct feeder {
    struct journal_feeder mark;            /* as the group that is gathered will write it */
    uint64_t receipted, receipted_refused; /* as the journal has it */
    uint64_t receipted_digest;             /* of the submissions up to there (D17) */
    int64_t heard_us;                      /* when it last said something; 0: not since this ingestor started */
    bool free;                             /* its Bye is in the journal, or it has nothing there */
    uint64_t peer;                         /* 0: not connected */
    char principal[PRINCIPAL_BYTES];       /* behind that */
    size_t unreceipted_bytes;              /* taken, and no receipt yet (D5a) */
    size_t in_group;                       /* its place in the group that is gathered; 0: none */
    bool journalled;                       /* the journal has a mark of it */
    bool removed;  /* … and a person has given its place to others (D21); else the one before */
    bool entering; /* … or will have: in a group */
    bool gap_told; /* D6: one refusal per gap */
    bool untold;   /* its totals changed since the last Scored */
    struct tally_sum {
        uint64_t scored, accepted_rows, rejected_rows;
    } sum;
    struct rate submissions, bytes; /* taken */
    struct rights_found rights;
    const struct series *series; /* of its last submission: most come in runs */
};

/* What it is told of as scored: what was refused for good counts, for nothing of it is outstanding (D9). */
static inline uint64_t feeder_scored(const struct feeder *f) { return f->sum.scored + f->receipted_refused; }

/* The journal knows it, or will. */
static inline bool feeder_known(const struct feeder *f) { return f->journalled || f->entering; }

/* Its number and its numbering are its own for ever. */
static inline bool feeder_kept(const struct feeder *f) { return feeder_known(f) || f->removed; }

enum { NEWCOMERS_MAX = 1024 };

struct feeders {
    struct feeder *feeder; /* by number; [0] unused */
    uint32_t count, capacity;
    uint32_t journalled, entering;
    uint32_t newcomer[NEWCOMERS_MAX]; /* ring, the oldest first */
    uint32_t newcomer_first, newcomer_count;
    struct map by_name, by_peer; /* hash of name, peer -> number */
};

/* What always holds of a feeder: what has a receipt was taken, what was refused for good was taken up, and bytes wait
 * for a receipt only while a submission does. O(1): after each change of these. */
void feeders_assert(const struct feeder *f);

void feeders_init(struct feeders *f);
void feeders_free(struct feeders *f);

void feeders_restore(struct feeders *f, uint32_t number, const struct journal_feeder *mark);
/* NULL: no such number. */
struct feeder *feeders_at(const struct feeders *f, uint32_t number);
/* NULL: the peer has not said hello. */
struct feeder *feeders_of_peer(const struct feeders *f, uint64_t peer, uint32_t *number);
/* 0: nobody has this name. UINT32_MAX: another one's has the same hash. */
uint32_t feeders_named(const struct feeders *f, const char *name);
/* Its number. The connection may have been another newcomer: that one is forgotten. */
uint32_t feeders_add_newcomer(struct feeders *f, uint64_t peer, const char *name, uint64_t epoch);
/* The connection speaks for this feeder from now on, and no other does. */
void feeders_connect(struct feeders *f, uint32_t number, struct peer peer);
/* The journal has a mark of it. */
void feeders_enter(struct feeders *all, struct feeder *f);
/* The journal says that it is removed: its place is free. */
void feeders_leave(struct feeders *all, struct feeder *f);
/* The connection is gone. */
void feeders_forget_peer(struct feeders *f, uint64_t peer);
