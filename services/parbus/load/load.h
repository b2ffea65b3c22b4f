/* `parbus load`: synthetic values through the real door, timed to the delta that shows them.
 *   cmd_load.c      options, the check that nothing real is overwritten, the result
 *   run.c      feeders, feed, and the loop
 *   values.c   units, indicators, and values that are never rejected
 *   latency.c  what is on its way, and how long it took */
#pragma once
#include "base/buffer.h"
#include "base/err.h"
#include "base/map.h"
#include "base/states.h"
#include <parbus/feed.h>
#include <parbus/feeder.h>
#include <parbus/keys.h>

enum {
    LOAD_FEEDERS_MAX = 64,
    LOAD_OBSERVATIONS_MAX = 16384,
    LOAD_UNITS_MAX = 1 << 20,
    LOAD_WAIT_S_MAX = 60,          /* nothing moves for so long: give up */
    LOAD_ON_THE_WAY_MAX = 4 << 20, /* timed at the same time; further ones are sent but not timed */
};

struct load_options {
    const char *directory, *index, *period;
    long observations, rate, units, feeders, duration_s, submissions;
    bool json, yes;
    const char *context;            /* NULL: none */
    const char *door;               /* NULL: the directory's own */
    const char *name;               /* of the one feeder, when there are keys; else NULL: load-1 … */
    const struct parbus_keys *keys; /* NULL: none */
};

/* ---- latency ---- */

enum { LATENCY_FINE_BITS = 6, LATENCY_BUCKETS = (65 - LATENCY_FINE_BITS) << LATENCY_FINE_BITS };
struct load_latency { /* microseconds, to within 1.6 % */
    uint64_t count, max_us;
    uint64_t bucket[LATENCY_BUCKETS];
};
void load_latency_add(struct load_latency *l, uint64_t us);
/* The least time that at least `share` of all did not exceed; 0 when there is none. */
uint64_t load_latency_at(const struct load_latency *l, double share);

struct load_queue { /* of one unit: submissions that no delta has shown yet, ascending seq */
    struct load_sent {
        uint64_t seq;
        int64_t at_us;
    } * sent;
    size_t first, count, capacity; /* a circle; capacity is a power of two */
};
void load_queue_free(struct load_queue *q);
void load_queue_push(struct load_queue *q, uint64_t seq, int64_t at_us);
/* Takes out everything up to seq, timed until now; returns how many. */
size_t load_queue_shown(struct load_queue *q, uint64_t seq, int64_t now_us, struct load_latency *l);

/* ---- values ---- */

struct load_leaf {
    uint32_t id;
    double least, span;
};
struct load_unit {
    uint32_t number, feeder; /* feeder: which one submits it, from 0 */
    char *code;
    struct load_queue queue;
};
struct load_values {
    struct buffer unit, leaf; /* struct load_unit, struct load_leaf */
    size_t unit_count, leaf_count, observations, next_unit, next_leaf;
    Parbus__Stage stage;
    struct map by_number;
    uint64_t random;
    uint32_t *indicator;
    double *value;
    Parbus__Submission submission;
};
void load_values_free(struct load_values *v);
/* Leaves that take values, and the stage that counts most. false: there are none. */
bool load_values_describe(struct load_values *v, const Parbus__Description *d);
void load_values_add_unit(struct load_values *v, const struct parbus_row *row, uint32_t feeder);
void load_values_start(struct load_values *v, const struct load_options *o);
/* The next submission and its unit; all of it is ours until the next call. */
Parbus__Submission *load_values_next(struct load_values *v, struct load_unit **unit);
/* Hands the same unit out again: it could not be taken. */
void load_values_undo(struct load_values *v);
struct load_unit *load_values_unit(struct load_values *v, uint32_t number); /* NULL: not ours */

/* ---- run ---- */

enum load_phase { LOAD_CONNECTING, LOAD_SENDING, LOAD_AWAITING };
#define LOAD_EDGES(X)                                                                                                  \
    X(LOAD_CONNECTING, LOAD_SENDING, "everybody has answered, and there are units")                                    \
    X(LOAD_SENDING, LOAD_AWAITING, "so many are sent, or for so long")
extern const struct state_machine load_machine;

struct load_result {
    uint64_t submissions, receipts, scored, shown, not_timed, refused, rejected_rows, deltas, delta_rows;
    double seconds_to_send, seconds_to_receipt, seconds_to_score, seconds_to_show;
    struct load_latency latency;
};
enum err load_run(const struct load_options *o, struct load_result *r, struct err_text *e);
