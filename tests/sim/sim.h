/* The simulator: all cores in one process and one thread, in virtual time, on a network that loses, repeats, delays,
 * reorders and cuts, with stores in memory that fill up, fail and lose what was not synced, and with processes that die
 * at any step. A seed gives one run, always the same. What must hold is checked while it runs and at its end (check.h);
 * what is expected comes from a model that shares no code with the cores (model.h).
 *
 *     sim_new → sim_run → sim_destroy
 *
 * Files: network.c (links), store.c (state), sim_journal.c with sim_append.c, outbox.c (what survives a process),
 * actor.c (processes) with one role_*.c each, faults.c (what goes wrong, and when), operator.c (copies, and what is
 * taken back from them), twins.c (several processes of one name), weather.c (how bad it is), fiber.c (calls that hang
 * in their middle), poison.c (submissions that end who looks at them), flips.c (bits that are not what was written),
 * rights.c (who is behind the connections), census.c (how often what happened), trace.c (what happened last). */
#pragma once
#include "base/arena.h"
#include "base/settings.h"
#include "tests/sim/actor.h"
#include "tests/sim/census.h"
#include "tests/sim/check.h"
#include "tests/sim/model.h"
#include "tests/sim/mutation.h"
#include "tests/sim/network.h"
#include "tests/sim/operator.h"
#include "tests/sim/poison.h"
#include "tests/sim/rights.h"
#include "tests/sim/rng.h"
#include "tests/sim/sim_journal.h"
#include "tests/sim/sim_state.h"
#include "tests/sim/trace.h"

enum { SIM_MS = 1000, SIM_SECOND = 1000000 };
#define SIM_WALL_MS 1760000000000ll /* when a run begins */

/* How much of what goes wrong, drawn once per seed. */
struct weather {
    uint32_t drop, repeat, reorder, late;    /* of a million messages */
    uint32_t feed_drop;                      /* … of the feed besides: a slow subscriber's */
    int64_t late_us;                         /* at most */
    size_t queue_max;                        /* messages under way to one process; then ERR_BUSY */
    uint32_t death_in_turn, hang_after_turn; /* of a million turns */
    uint32_t hang_in_turn;
    int64_t fault_us;   /* between two faults, on average */
    uint32_t faults;    /* bits: enum fault */
    uint32_t favourite; /* enum fault that comes more often than others */
    bool clocks_wrong;  /* those of some feeders, by days */
    struct {            /* how the journal answers */
        int64_t least_us, most_us;
        int64_t burst_us;  /* only at multiples of it; 0: whenever */
        uint32_t failures; /* of a million */
    } journal;
};

struct sim_options {
    uint64_t seed;
    uint64_t steps_max; /* faults stop after so many; 0: after their time */
    bool verbose;
    enum mutation mutation;
};

struct sim {
    struct sim_options options;
    struct rng rng;
    struct weather weather;
    struct settings settings;
    uint32_t partitions;
    int64_t now_us, chaos_until_us, fault_us, look_us, deadline_us;
    int64_t wall_skew_ms;
    bool calm;        /* faults are over */
    bool power_fails; /* with the next fault */
    uint64_t step;
    uint32_t controls_wanted; /* of the catalog's control records */
    struct network network;
    struct sim_journal journal;
    struct sim_state state;
    struct model model;
    struct check check;
    struct actor actor[ACTORS_MAX];
    int actor_count;
    struct arena arena; /* the message being delivered */
    struct buffer out;  /* the message being sent */
    struct trace trace;
    struct census census;
    struct operator operator;
    struct poison poison;
    struct flips flips;
    struct sim_rights rights;
    bool failed;
    char failure[512];
};

struct sim *sim_new(const struct sim_options *options);
/* true: everything held. */
bool sim_run(struct sim *s);
/* What happened in it is added to the census. */
void sim_destroy(struct sim **s, struct census *census);
/* Seed, step, time, failure and the last events. */
void sim_report(const struct sim *s);

/* The first failure is kept, and ends the run. */
void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Draws weather and settings. */
void weather_draw(struct sim *s);

/* twins.c: an outbox is copied, put back, or given to another process of the same name. */
void twins_share(struct sim *s);

/* faults.c */
enum fault {
    FAULT_KILL,
    FAULT_HANG,
    FAULT_CUT,
    FAULT_POWER,
    FAULT_JOURNAL_FULL,
    FAULT_JOURNAL_IO,
    FAULT_STATE_FULL,
    FAULT_STATE_IO,
    FAULT_SLOW,
    FAULT_LEAVE,
    FAULT_JOIN,
    FAULT_CLOCK,
    FAULT_CONTROL,
    FAULT_JOURNAL_LIES,
    FAULT_STATE_LIES,
    FAULT_COPY,
    FAULT_RESTORE,
    FAULT_LAG,
    FAULT_PUBLISHER,
    FAULT_FENCE,
    FAULT_OUTBOX,
    FAULT_COUNT
};
void fault_happen(struct sim *s);
/* Everybody on the host dies; what was under way between them is gone. */
void host_stops(struct sim *s, int64_t back_us);
/* Everything works again, and stays so. */
void faults_end(struct sim *s);
