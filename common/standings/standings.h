/* The table of one series: a row for each unit of its cohort, with or without values, and the order of those that are
 * ranked. Pure. Ranked = something is present and nothing is missing (rule F7); equal scores share a rank: 1, 1, 3.
 *
 * Used by the publisher, by `parbus rank` and by whoever needs a ranking from the scores in state. Memory for
 * each unit: 64 bytes, 8 for each top-level node, and its place in the ranking. The definition must outlive the table.
 * One thread. */
#pragma once
#include "catalog/catalog.h"
#include "ranking/ranking.h"

struct standing {
    uint32_t unit, appraised_share, cause_feeder; /* appraised_share in millionths */
    bool present, complete;                       /* complete: ranked */
    uint64_t cause_epoch, cause_seq;
    int64_t score;      /* micro-points; so are the components */
    int64_t *component; /* definition->top_count, in print order */
};

struct standings {
    const struct definition *definition;
    size_t count;
    struct standing *row; /* ascending unit; read only */
    struct ranking *ranking;
    int64_t *components; /* private */
};

/* Every unit of the cohort, nothing present. Aborts when the process has no memory. */
struct standings *standings_new(const struct definition *d);
void standings_destroy(struct standings **s);

enum { STANDINGS_NO_ROW = 0xffffffff };
/* Position of a unit's row; STANDINGS_NO_ROW: not in the cohort. O(1) when unit numbers have no holes, else O(log N).
 */
uint32_t standings_find(const struct standings *s, uint32_t unit);

/* Copies the value into the row (its unit stays), and moves it in the ranking. O(log N). */
void standings_put(struct standings *s, uint32_t row, const struct standing *value);

/* 0: not ranked. O(log N). */
static inline uint32_t standings_rank(const struct standings *s, uint32_t row)
{
    return s->row[row].complete ? ranking_rank(s->ranking, s->row[row].unit) : 0;
}

/* The rows in print order: ranked ones in order, then the others by unit; false: stop. O(N). */
void standings_each(const struct standings *s, bool (*fn)(void *ctx, uint32_t rank, const struct standing *row),
                    void *ctx);

/* Score and components out of the points of all nodes, in node order; component has room for top_count. A unit without
 * any value is not complete, whatever a definition makes of missing values. */
void standing_fill(struct standing *value, const struct definition *d, bool present, bool complete,
                   const int64_t *points);

/* The same to a subscriber: causes are not compared (rule F10). */
bool standing_same(const struct standing *a, const struct standing *b, size_t top_count);
