#include "standings/read.h"
#include <stdlib.h>

enum err read_catalog(struct journal *j, struct catalog *c, struct err_text *e)
{
    return journal_controls(j, catalog_control_seq(c) + 1, catalog_apply_packed, c, e);
}

struct reading {
    struct standings *table;
    struct standing value;
};

static bool take_score(void *ctx, uint32_t series, uint32_t unit, const struct score_header *h, const int64_t *points)
{
    (void)series;
    struct reading *r = ctx;
    const struct definition *d = r->table->definition;
    uint32_t row = standings_find(r->table, unit);
    if (row == STANDINGS_NO_ROW || h->node_count != d->node_count)
        return true;
    r->value.appraised_share = h->appraised_share;
    r->value.cause_feeder = h->cause_feeder;
    r->value.cause_epoch = h->cause_epoch;
    r->value.cause_seq = h->cause_seq;
    standing_fill(&r->value, d, h->present, h->complete, points);
    standings_put(r->table, row, &r->value);
    return true;
}

enum err read_standings(struct state *s, uint32_t partitions, const struct series *series, struct standings **out,
                        struct err_text *e)
{
    struct reading r = {.table = standings_new(series->definition)};
    r.value.component = calloc(series->definition->top_count + 1, sizeof *r.value.component);
    ASSERT(r.value.component);
    enum err err = OK;
    for (uint32_t p = 0; p < partitions && !err; p++) {
        struct state_cursor cursor;
        err = state_scores_each(s, p, series->number, &cursor, take_score, &r, e);
        if (err == ERR_NOT_FOUND) /* nothing of this partition was ever applied */
            err = OK;
    }
    free(r.value.component);
    if (err)
        standings_destroy(&r.table);
    *out = r.table;
    return err;
}
