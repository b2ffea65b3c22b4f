#include "journal/committer.h"
#include "base/clock.h"
#include "store/errand.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* QUIET_US: no group for so long means that there is time. Each commit is at most a group, about 1 MiB: what has no
 * link is bounded by UNCHAINED_MAX of them. */
enum { UNCHAINED_MAX = 1024, QUIET_US = 100000, KEEP_US = 1000000, AGAIN_US = 1000000, STOP_US = 500000 };

struct committer {
    struct journal *journal;
    struct errands *thread;
    struct journal_group group; /* the thread's while it is under way */
    /* of the thread */
    int64_t given_us; /* the last group */
    int64_t chain_again_us;
    /* under the mutex */
    pthread_mutex_t mutex;
    struct err_text chain_why; /* "": it goes on */
    bool chain_news;
};

/* ---- the chain, while there is time ---- */

static int64_t chain_due_us(const struct committer *c)
{
    uint64_t unchained = journal_unchained(c->journal);
    int64_t due_us = INT64_MAX;
    if (unchained)
        due_us = unchained > UNCHAINED_MAX ? 0 : c->given_us + QUIET_US;
    else if (!journal_chain_kept(c->journal))
        due_us = c->given_us + KEEP_US;
    return due_us > c->chain_again_us ? due_us : c->chain_again_us;
}

static void note_chain(struct committer *c, enum err err, const struct err_text *why)
{
    c->chain_again_us = err ? clock_mono_us() + AGAIN_US : 0;
    pthread_mutex_lock(&c->mutex);
    c->chain_news |= err && strcmp(c->chain_why.text, why->text) != 0;
    c->chain_why = *why;
    pthread_mutex_unlock(&c->mutex);
}

static int64_t go_on_with_chain(void *ctx)
{
    struct committer *c = ctx;
    struct err_text why = {""};
    if (chain_due_us(c) > clock_mono_us())
        return chain_due_us(c);
    enum err err =
        journal_unchained(c->journal) ? journal_chain(c->journal, &why) : journal_keep_chain(c->journal, &why);
    note_chain(c, err, &why);
    return chain_due_us(c);
}

static void finish_chain(void *ctx)
{
    const struct committer *c = ctx;
    int64_t until_us = clock_mono_us() + STOP_US;
    enum err err = OK;
    while (!err && journal_unchained(c->journal) && clock_mono_us() < until_us)
        err = journal_chain(c->journal, NULL);
    if (!err && !journal_chain_kept(c->journal))
        journal_keep_chain(c->journal, NULL); /* else the next start does it again */
}

static enum err append(void *ctx, struct err_text *e)
{
    struct committer *c = ctx;
    c->given_us = clock_mono_us();
    return journal_append(c->journal, &c->group, e);
}

/* ---- for the others ---- */

enum err committer_start(struct committer **out, struct journal *j, struct err_text *e)
{
    struct committer *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return err_set(e, ERR_NOMEM, "start the thread that writes the journal");
    c->journal = j;
    pthread_mutex_init(&c->mutex, NULL);
    struct errand_options options = {"writes the journal", c, append, go_on_with_chain, finish_chain};
    enum err err = errand_start(&c->thread, &options, e);
    if (err)
        committer_stop(out);
    return err;
}

void committer_stop(struct committer **out)
{
    struct committer *c = *out;
    if (!c)
        return;
    errand_stop(&c->thread);
    pthread_mutex_destroy(&c->mutex);
    free(c);
    *out = NULL;
}

int committer_fd(const struct committer *c) { return errand_fd(c->thread); }

enum err committer_append(struct committer *c, const struct journal_group *group, uint64_t ticket)
{
    if (errand_under_way(c->thread))
        return ERR_BUSY;
    c->group = *group;
    errand_give(c->thread, ticket);
    return OK;
}

bool committer_take(struct committer *c, uint64_t *ticket, enum err *err, struct err_text *why)
{
    return errand_take(c->thread, ticket, err, why);
}

bool committer_chain_trouble(struct committer *c, struct err_text *why)
{
    pthread_mutex_lock(&c->mutex);
    bool news = c->chain_news;
    c->chain_news = false;
    if (news)
        *why = c->chain_why;
    pthread_mutex_unlock(&c->mutex);
    return news;
}
