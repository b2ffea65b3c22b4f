/* The units of one partition that are in memory: cells per stage, points per leaf, and the score last computed. A unit
 * is loaded when it is first touched and stays until it is dropped or forgotten. Private to the scorer. */
#pragma once
#include "base/map.h"
#include "catalog/catalog.h"
#include "state/state.h"

enum { STAGES = 5 /* 1..4; 0 is none */ };

struct cached_unit {
    uint32_t series, unit;
    const struct definition *definition;
    struct score_header score;
    struct cell *cells[STAGES]; /* leaf_count each; NULL: no value of this stage */
    int64_t *points;            /* node_count, as last computed */
    int64_t *leaf_points;
    uint8_t *leaf_stage;    /* effective stage (S6); 0: no value */
    uint64_t *leaf_touched; /* bits: points to be computed again */
    size_t bytes;
    uint8_t stages_dirty; /* bits: changed since they were handed over */
    uint8_t stages_cut;   /* bits: in the commit under way */
    bool touched;         /* in the list of units to be scored */
    bool dirty;           /* in the list of units to be committed */
    bool cut;             /* in the commit under way: state may still hold what was before */
};

struct units {
    struct map index; /* series << 32 | unit -> position */
    struct cached_unit **unit;
    size_t count, capacity;
    size_t bytes; /* of all of them */
};

struct cached_unit *units_find(const struct units *u, uint32_t series, uint32_t unit); /* NULL: not in memory */
/* Takes the unit over. */
void units_add(struct units *u, struct cached_unit *unit);
/* Drops what is as state has it and told. */
void units_drop_clean(struct units *u);
void units_free(struct units *u);

/* Empty, no cells. */
struct cached_unit *unit_new(const struct series *series, uint32_t unit);
void unit_destroy(struct cached_unit **u);
/* The cells of a stage; made, all zero, when there are none. */
struct cell *unit_cells(struct cached_unit *u, int stage);
void unit_touch_all(struct cached_unit *u);

/* One accepted row (S4, S5). Returns whether it took effect. */
struct unit_row {
    double value;
    int64_t observed_ms, received_ms;
    uint64_t pseq;
    uint32_t row, feeder;
    bool retract, evidence;
};
bool unit_apply(struct cached_unit *u, int stage, uint32_t leaf, const struct unit_row *row);

/* Computes the points of the touched leaves and all nodes. scratch: node_count. Returns whether anything that
 * subscribers see has changed. */
bool unit_score(struct cached_unit *u, int64_t *scratch);
