/* Whether a partition stands still: something waits to be applied, it could be, and it is not. Pure: what the partition
 * looks like and the time come in (rule D13). */
#pragma once
#include "base/settings.h"
#include "base/states.h"

enum standstill_chance {
    STANDSTILL_FREE,
    STANDSTILL_QUEUED,  /* it is others' turn: this time does not count */
    STANDSTILL_HINDERED /* for a reason that is told already: afterwards it has all its time */
};

enum standstill_state { STANDSTILL_MOVES, STANDSTILL_STANDS };

#define STANDSTILL_EDGES(X)                                                                                            \
    X(STANDSTILL_MOVES, STANDSTILL_STANDS, "nothing was applied beyond patience, though it could be")                  \
    X(STANDSTILL_STANDS, STANDSTILL_MOVES, "something was applied")
extern const struct state_machine standstill_machine;

struct standstill {              /* all zero at first */
    enum standstill_state state; /* as it was told to people; entered by whoever tells */
    uint64_t applied;
    int64_t still_since_us; /* it moved, or nothing waited, or it was hindered; later by the time that it was queued */
    int64_t looked_us;
};

struct standstill_view {
    uint64_t applied, last; /* pseq */
    enum standstill_chance chance;
};

/* Often, at least twice within the patience. */
void standstill_look(struct standstill *s, struct standstill_view v, int64_t now_us);
/* Nobody looked for a long time, so nobody knows: it begins anew. */
void standstill_forgive(struct standstill *s, int64_t now_us);
/* For so long it has stood still; 0: not beyond patience. */
int64_t standstill_us(const struct standstill *s, int64_t patience_us, int64_t now_us);

/* A worker may die, unheard, what it had be sent again, and be committed: four times in a row. */
int64_t standstill_patience_us(const struct settings *settings);
