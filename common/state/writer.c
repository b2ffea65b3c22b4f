#include "state/writer.h"
#include "store/errand.h"
#include <stdlib.h>

struct state_writer {
    struct errands *thread;
    /* the thread's while they are under way */
    struct state *state;
    struct state_work *work;
};

static enum err write_work(void *ctx, struct err_text *e)
{
    const struct state_writer *w = ctx;
    struct state_work *work = w->work;
    enum err err = work->claims ? state_claim(w->state, work->claim, work->claims, e) : OK;
    return !err && work->batches ? state_commit(w->state, work->batch, work->batches, e) : err;
}

enum err state_writer_start(struct state_writer **out, struct err_text *e)
{
    struct state_writer *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return err_set(e, ERR_NOMEM, "start the thread that writes state");
    struct errand_options options = {.what = "writes state", .ctx = w, .run = write_work};
    enum err err = errand_start(&w->thread, &options, e);
    if (err)
        state_writer_stop(out);
    return err;
}

void state_writer_stop(struct state_writer **w)
{
    if (*w)
        errand_stop(&(*w)->thread);
    free(*w);
    *w = NULL;
}

int state_writer_fd(const struct state_writer *w) { return errand_fd(w->thread); }

enum err state_writer_give(struct state_writer *w, struct state *s, struct state_work *work, uint64_t ticket)
{
    if (errand_under_way(w->thread))
        return ERR_BUSY;
    w->state = s;
    w->work = work;
    errand_give(w->thread, ticket);
    return OK;
}

bool state_writer_take(struct state_writer *w, uint64_t *ticket, enum err *err, struct err_text *why)
{
    return errand_take(w->thread, ticket, err, why);
}
