#include "services/scorer/store.h"

static enum err open_state(void *ctx, uint64_t journal_id, struct err_text *e)
{
    struct scorer_store *s = ctx;
    struct state_options options = state_options(s->settings, journal_id);
    options.writer = true;
    return state_open(&s->state, s->directory, &options, e);
}

void scorer_store_close(struct scorer_store *s) { state_close(&s->state); }

static enum err own(void *ctx, uint32_t partition, uint64_t owner_epoch, struct state_cursor *cursor,
                    struct err_text *e)
{
    struct scorer_store *s = ctx;
    return state_own(s->state, partition, owner_epoch, cursor, e);
}

static enum err tallies(void *ctx, uint32_t partition, state_tally_fn *fn, void *fn_ctx, struct err_text *e)
{
    struct scorer_store *s = ctx;
    return state_tallies_each(s->state, partition, fn, fn_ctx, e);
}

static enum err values(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage, struct cell *cell,
                       size_t cell_count, struct err_text *e)
{
    struct scorer_store *s = ctx;
    return state_values_get(s->state, partition, series, unit, stage, cell, cell_count, e);
}

static enum err scores(void *ctx, uint32_t partition, uint32_t series, uint32_t unit, struct score_header *header,
                       int64_t *points, size_t points_max, struct err_text *e)
{
    struct scorer_store *s = ctx;
    return state_scores_get(s->state, partition, series, unit, header, points, points_max, e);
}

static enum err commit(void *ctx, struct state_batch *batch, size_t count, struct err_text *e)
{
    struct scorer_store *s = ctx;
    return state_commit(s->state, batch, count, e);
}

static enum err cursor_of(void *ctx, uint32_t partition, struct state_cursor *cursor, struct err_text *e)
{
    struct scorer_store *s = ctx;
    return state_cursor_get(s->state, partition, cursor, e);
}

const struct scorer_store_io scorer_store_functions = {.open = open_state,
                                                       .own = own,
                                                       .tallies = tallies,
                                                       .values = values,
                                                       .scores = scores,
                                                       .commit = commit,
                                                       .cursor = cursor_of};
