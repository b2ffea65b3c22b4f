#include "journal/committer.h"
#include "base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* QUIET_US: no group for so long means that there is time. Each commit is at most a group, about 1 MiB: what has no
 * link is bounded by UNCHAINED_MAX of them. */
enum { UNCHAINED_MAX = 1024, QUIET_US = 100000, KEEP_US = 1000000, AGAIN_US = 1000000, STOP_US = 500000 };
enum phase { IDLE, GIVEN, DONE };

struct committer {
    struct journal *journal;
    pthread_t thread;
    bool started;
    int fd; /* readable when DONE */
    pthread_mutex_t mutex;
    pthread_cond_t given;
    /* under the mutex */
    enum phase phase;
    bool stopping;
    struct journal_group group;
    uint64_t ticket;
    enum err err;
    struct err_text why;
    struct err_text chain_why; /* "": it goes on */
    bool chain_news;
    /* of the thread */
    int64_t given_us; /* the last group */
    int64_t chain_again_us;
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

static enum err do_chain(struct committer *c, struct err_text *e)
{
    return journal_unchained(c->journal) ? journal_chain(c->journal, e) : journal_keep_chain(c->journal, e);
}

static void note_chain(struct committer *c, enum err err, const struct err_text *why)
{
    bool news = err && strcmp(c->chain_why.text, why->text) != 0;
    c->chain_again_us = err ? clock_mono_us() + AGAIN_US : 0;
    c->chain_why = *why;
    c->chain_news = c->chain_news || news;
}

/* The mutex is free meanwhile. */
static void go_on_with_chain(struct committer *c)
{
    struct err_text why = {""};
    pthread_mutex_unlock(&c->mutex);
    enum err err = do_chain(c, &why);
    pthread_mutex_lock(&c->mutex);
    note_chain(c, err, &why);
}

static void finish_chain(struct committer *c)
{
    int64_t until_us = clock_mono_us() + STOP_US;
    enum err err = OK;
    while (!err && journal_unchained(c->journal) && clock_mono_us() < until_us)
        err = journal_chain(c->journal, NULL);
    if (!err && !journal_chain_kept(c->journal))
        journal_keep_chain(c->journal, NULL); /* else the next start does it again */
}

/* ---- the thread ---- */

static void wait_until(struct committer *c, int64_t due_us)
{
    struct timespec at = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000};
    if (due_us == INT64_MAX)
        pthread_cond_wait(&c->given, &c->mutex);
    else
        pthread_cond_timedwait(&c->given, &c->mutex, &at);
}

/* false: the thread is to end. */
static bool wait_for_group(struct committer *c)
{
    while (c->phase != GIVEN && !c->stopping) {
        int64_t due_us = chain_due_us(c);
        if (due_us <= clock_mono_us())
            go_on_with_chain(c);
        else
            wait_until(c, due_us);
    }
    c->given_us = clock_mono_us();
    return c->phase == GIVEN;
}

static void announce(const struct committer *c)
{
    uint64_t one = 1;
    ssize_t written = write(c->fd, &one, sizeof one);
    ASSERT(written == sizeof one);
}

static void *run(void *ctx)
{
    struct committer *c = ctx;
    pthread_mutex_lock(&c->mutex);
    while (wait_for_group(c)) {
        struct journal_group group = c->group;
        struct err_text why = {""};
        pthread_mutex_unlock(&c->mutex);
        enum err err = journal_append(c->journal, &group, &why);
        pthread_mutex_lock(&c->mutex);
        c->phase = DONE;
        c->err = err;
        c->why = why;
        announce(c);
    }
    pthread_mutex_unlock(&c->mutex);
    finish_chain(c);
    return NULL;
}

static enum err start_thread(struct committer *c, struct err_text *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&c->thread, NULL, run, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    c->started = rc == 0;
    return rc ? err_set(e, ERR_NOMEM, "start the thread that writes the journal: %s", strerror(rc)) : OK;
}

static void init_given(struct committer *c)
{
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&c->given, &a);
    pthread_condattr_destroy(&a);
}

enum err committer_start(struct committer **out, struct journal *j, struct err_text *e)
{
    struct committer *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return err_set(e, ERR_NOMEM, "start the thread that writes the journal");
    c->journal = j;
    pthread_mutex_init(&c->mutex, NULL);
    init_given(c);
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = c->fd < 0 ? err_set(e, ERR_IO, "eventfd: %s", strerror(errno)) : start_thread(c, e);
    if (err)
        committer_stop(out);
    return err;
}

void committer_stop(struct committer **out)
{
    struct committer *c = *out;
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_signal(&c->given);
    pthread_mutex_unlock(&c->mutex);
    if (c->started)
        pthread_join(c->thread, NULL);
    if (c->fd >= 0)
        close(c->fd);
    pthread_cond_destroy(&c->given);
    pthread_mutex_destroy(&c->mutex);
    free(c);
    *out = NULL;
}

int committer_fd(const struct committer *c) { return c->fd; }

enum err committer_append(struct committer *c, const struct journal_group *group, uint64_t ticket)
{
    pthread_mutex_lock(&c->mutex);
    bool idle = c->phase == IDLE;
    if (idle) {
        c->group = *group;
        c->ticket = ticket;
        c->phase = GIVEN;
        pthread_cond_signal(&c->given);
    }
    pthread_mutex_unlock(&c->mutex);
    return idle ? OK : ERR_BUSY;
}

bool committer_take(struct committer *c, uint64_t *ticket, enum err *err, struct err_text *why)
{
    uint64_t count;
    pthread_mutex_lock(&c->mutex);
    bool done = c->phase == DONE;
    if (done) {
        ssize_t bytes = read(c->fd, &count, sizeof count);
        ASSERT(bytes == sizeof count);
        *ticket = c->ticket;
        *err = c->err;
        *why = c->why;
        c->phase = IDLE;
    }
    pthread_mutex_unlock(&c->mutex);
    return done;
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
