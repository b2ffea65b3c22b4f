#include "services/scorer/store.h"
#include "standings/read.h"

static enum err open_state(struct scorer_store *s, const char *directory, const struct settings *settings,
                           struct err_text *e)
{
    struct state_options options = {.writer = true,
                                    .journal_id = journal_id(s->journal),
                                    .map_bytes = (size_t)settings->state_map_bytes,
                                    .network_fs_allowed = settings->network_fs_allowed};
    return state_open(&s->state, directory, &options, e);
}

enum err scorer_store_open(struct scorer_store *s, struct journal *journal, const char *state_directory,
                           const struct settings *settings, struct err_text *e)
{
    *s = (struct scorer_store){.journal = journal, .catalog = catalog_new()};
    enum err err = open_state(s, state_directory, settings, e);
    if (!err)
        err = err_wrap(e, read_catalog(journal, s->catalog, e), "read the catalog from the journal");
    if (err)
        scorer_store_close(s);
    return err;
}

void scorer_store_close(struct scorer_store *s)
{
    catalog_destroy(&s->catalog);
    state_close(&s->state);
    journal_close(&s->journal);
}

static enum err catch_up(void *ctx, uint64_t control_seq, struct err_text *e)
{
    struct scorer_store *s = ctx;
    return read_catalog_to(s->journal, s->catalog, control_seq, e);
}

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

const struct scorer_store_io scorer_store_functions = {.catch_up = catch_up,
                                                       .own = own,
                                                       .tallies = tallies,
                                                       .values = values,
                                                       .scores = scores,
                                                       .commit = commit,
                                                       .cursor = cursor_of};
