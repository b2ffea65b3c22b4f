/* Whether a partition stands still: something waits to be applied and could be, but is not (rule D13c). Pure: the time,
 * and how the partition looks at that time, come in. */
#pragma once
#include "base/settings.h"
#include "base/states.h"

enum standstill_chance {
    STANDSTILL_FREE,
    STANDSTILL_QUEUED,  /* other partitions have their turn: this time does not count */
    STANDSTILL_HINDERED /* something is wrong that is told already: when it is over, the whole patience begins anew */
};

enum standstill_state { STANDSTILL_MOVES, STANDSTILL_STANDS };

#define STANDSTILL_EDGES(X)                                                                                            \
    X(STANDSTILL_MOVES, STANDSTILL_STANDS, "nothing was applied beyond patience, though it could be")                  \
    X(STANDSTILL_STANDS, STANDSTILL_MOVES, "something was applied")
extern const struct state_machine standstill_machine;

struct standstill {              /* all zero at first */
    enum standstill_state state; /* as it was told to people; entered by whoever tells */
    uint64_t applied;
    int64_t still_since_us; /* when it last moved, had nothing waiting or was hindered, plus the time it was queued */
    int64_t looked_us;
};

struct standstill_view {
    uint64_t applied, last; /* pseq */
    enum standstill_chance chance;
};

/* To be called often, at least twice within the patience. */
void standstill_look(struct standstill *s, struct standstill_view v, int64_t now_us);
/* Nobody has looked for a long time, so nobody knows whether it moved: the patience begins anew. */
void standstill_forgive(struct standstill *s, int64_t now_us);
/* For how long it has stood still; 0 as long as that is within the patience. */
int64_t standstill_us(const struct standstill *s, int64_t patience_us, int64_t now_us);

/* The patience: time enough for a worker to die and be noticed, for what it had to be sent again, and for that to be
 * committed, four times in a row. */
int64_t standstill_patience_us(const struct settings *settings);
