/* The small catalog of the simulator, as data: it becomes control records for the cores, and is what the model computes
 * with. Two indices of sums only; one is incomplete when a value is missing, the other counts it as zero. */
#pragma once
#include "journal.pb-c.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    SIM_UNITS = 6,
    SIM_INDICES = 2,
    SIM_SERIES = 3,
    SIM_CONTROLS = 6,
    SIM_NODES_MAX = 5,
    SIM_LEAVES_MAX = 3,
    SIM_TOPS = 2
};

struct sim_node {
    uint32_t id;
    int parent, leaf; /* leaf: -1 for an inner node */
    const char *code;
    int64_t max; /* micro-points */
    Parbus__RuleKind rule;
    int grid;                 /* values are multiples of 1 / grid */
    int value_min, value_max; /* whole numbers */
    int parameter;            /* checklist: items; linear: to; deduct: micro-points per unit */
};
struct sim_index {
    const char *code;
    bool zero_when_missing;
    uint32_t stages;    /* bits */
    uint32_t units;     /* cohort: 1 .. units */
    uint32_t published; /* control seq */
    int node_count, leaf_count;
    struct sim_node node[SIM_NODES_MAX];
    int top[SIM_TOPS]; /* nodes */
};
struct sim_series {
    int index; /* in sim_index_table */
    const char *period;
    uint32_t opened; /* control seq */
};
extern const struct sim_index sim_index_table[SIM_INDICES];
extern const struct sim_series sim_series_table[SIM_SERIES + 1]; /* by number, from 1 */

/* Steps of a leaf with steps: from this value on, so many micro-points. */
enum { SIM_STEPS = 3 };
extern const int sim_step_at[SIM_STEPS];
extern const int64_t sim_step_points[SIM_STEPS];

/* Names by which feeders call units. unit: 0 unknown, SIM_AMBIGUOUS several. */
enum { SIM_AMBIGUOUS = -1, SIM_NAMES = 20 };
struct sim_name {
    const char *text;
    int unit;
};
extern const struct sim_name sim_name_table[SIM_NAMES];

/* Control record 1 .. SIM_CONTROLS; what it points to is static. */
void sim_control(uint32_t number, Parbus__Control *out);
/* "index/period" */
const char *sim_topic(uint32_t series);
