#include "services/scorer/store.h"
#include "base/clock.h"
#include "base/deadline.h"
#include <errno.h>
#include <poll.h>

static enum err open_state(void *ctx, uint64_t journal_id, struct err_text *e)
{
    struct scorer_store *s = ctx;
    struct state_options options = state_options(s->settings, journal_id);
    options.writer = true;
    return state_open(&s->state, s->directory, &options, e);
}

enum err scorer_store_start(struct scorer_store *s, struct err_text *e) { return state_writer_start(&s->writer, e); }

void scorer_store_close(struct scorer_store *s)
{
    state_writer_stop(&s->writer);
    state_close(&s->state);
}

void scorer_store_deliver(struct scorer_store *s, struct scorer *core, struct moment now)
{
    struct err_text why = {""};
    uint64_t ticket;
    enum err err;
    if (state_writer_take(s->writer, &ticket, &err, &why))
        scorer_written(core, ticket, err, why.text, now);
}

enum err scorer_store_wait(struct scorer_store *s, struct scorer *core, struct moment now, struct err_text *e)
{
    struct pollfd done = {.fd = state_writer_fd(s->writer), .events = POLLIN};
    int64_t until_us = clock_mono_us() + SCORER_STORE_WAIT_S * 1000000ll;
    int ready;
    do
        ready = poll(&done, 1, (int)(us_until(until_us, clock_mono_us()) / 1000));
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        return err_set(e, ERR_TIMEOUT, "the disk under %s has not taken what state was given for %d s", s->directory,
                       SCORER_STORE_WAIT_S);
    scorer_store_deliver(s, core, now);
    return OK;
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

static enum err cursor_of(void *ctx, uint32_t partition, struct state_cursor *cursor, struct err_text *e)
{
    struct scorer_store *s = ctx;
    return state_cursor_get(s->state, partition, cursor, e);
}

static void hand_over(void *ctx, struct state_work *work, uint64_t ticket)
{
    struct scorer_store *s = ctx;
    enum err err = state_writer_give(s->writer, s->state, work, ticket);
    ASSERT(err == OK); /* one at a time */
}

const struct scorer_store_io scorer_store_functions = {.open = open_state,
                                                       .tallies = tallies,
                                                       .values = values,
                                                       .scores = scores,
                                                       .cursor = cursor_of,
                                                       .write = hand_over};
