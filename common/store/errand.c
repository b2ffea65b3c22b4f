#include "store/errand.h"
#include "base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

STATE_MACHINE(errand_machine, "errand", ERRAND_EDGES, "none", "given", "done");

struct errands {
    struct errand_options options;
    pthread_t thread;
    bool started;
    int fd; /* readable when ERRAND_DONE */
    pthread_mutex_t mutex;
    pthread_cond_t given;
    /* under the mutex */
    enum errand_state state;
    bool stopping;
    uint64_t ticket;
    enum err err;
    struct err_text why;
};

static void enter(struct errands *t, enum errand_state state) { STATE_ENTER(&errand_machine, t->state, state); }

/* ---- the thread ---- */

static void wait_until(struct errands *t, int64_t due_us)
{
    struct timespec at = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000};
    if (due_us == INT64_MAX)
        pthread_cond_wait(&t->given, &t->mutex);
    else
        pthread_cond_timedwait(&t->given, &t->mutex, &at);
}

/* The mutex is free meanwhile. */
static int64_t use_spare_time(struct errands *t)
{
    pthread_mutex_unlock(&t->mutex);
    int64_t due_us = t->options.spare(t->options.ctx);
    pthread_mutex_lock(&t->mutex);
    return due_us;
}

/* false: the thread is to end. */
static bool wait_for_errand(struct errands *t)
{
    int64_t due_us = t->options.spare ? 0 : INT64_MAX;
    while (t->state != ERRAND_GIVEN && !t->stopping)
        if (due_us <= clock_mono_us())
            due_us = use_spare_time(t);
        else
            wait_until(t, due_us);
    return t->state == ERRAND_GIVEN;
}

static void announce(const struct errands *t)
{
    uint64_t one = 1;
    ssize_t written = write(t->fd, &one, sizeof one);
    ASSERT(written == sizeof one);
}

static void *run(void *ctx)
{
    struct errands *t = ctx;
    pthread_mutex_lock(&t->mutex);
    while (wait_for_errand(t)) {
        struct err_text why = {""};
        pthread_mutex_unlock(&t->mutex);
        enum err err = t->options.run(t->options.ctx, &why);
        pthread_mutex_lock(&t->mutex);
        t->err = err;
        t->why = why;
        enter(t, ERRAND_DONE);
        announce(t);
    }
    pthread_mutex_unlock(&t->mutex);
    if (t->options.last)
        t->options.last(t->options.ctx);
    return NULL;
}

/* ---- its start and end ---- */

static enum err start_thread(struct errands *t, struct err_text *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&t->thread, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->started = rc == 0;
    return rc ? err_set(e, ERR_NOMEM, "start the thread that %s: %s", t->options.what, strerror(rc)) : OK;
}

static void init_given(struct errands *t)
{
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&t->given, &a);
    pthread_condattr_destroy(&a);
}

enum err errand_start(struct errands **out, const struct errand_options *o, struct err_text *e)
{
    struct errands *t = calloc(1, sizeof *t);
    *out = t;
    if (!t)
        return err_set(e, ERR_NOMEM, "start the thread that %s", o->what);
    t->options = *o;
    pthread_mutex_init(&t->mutex, NULL);
    init_given(t);
    t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = t->fd < 0 ? err_set(e, ERR_IO, "eventfd: %s", strerror(errno)) : start_thread(t, e);
    if (err)
        errand_stop(out);
    return err;
}

void errand_stop(struct errands **out)
{
    struct errands *t = *out;
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    t->stopping = true;
    pthread_cond_signal(&t->given);
    pthread_mutex_unlock(&t->mutex);
    if (t->started)
        pthread_join(t->thread, NULL);
    if (t->fd >= 0)
        close(t->fd);
    pthread_cond_destroy(&t->given);
    pthread_mutex_destroy(&t->mutex);
    free(t);
    *out = NULL;
}

/* ---- to and fro ---- */

int errand_fd(const struct errands *t) { return t->fd; }

bool errand_under_way(struct errands *t)
{
    pthread_mutex_lock(&t->mutex);
    bool under_way = t->state != ERRAND_NONE;
    pthread_mutex_unlock(&t->mutex);
    return under_way;
}

void errand_give(struct errands *t, uint64_t ticket)
{
    pthread_mutex_lock(&t->mutex);
    enter(t, ERRAND_GIVEN);
    t->ticket = ticket;
    pthread_cond_signal(&t->given);
    pthread_mutex_unlock(&t->mutex);
}

bool errand_take(struct errands *t, uint64_t *ticket, enum err *err, struct err_text *why)
{
    uint64_t count;
    pthread_mutex_lock(&t->mutex);
    bool done = t->state == ERRAND_DONE;
    if (done) {
        ssize_t bytes = read(t->fd, &count, sizeof count);
        ASSERT(bytes == sizeof count);
        *ticket = t->ticket;
        *err = t->err;
        *why = t->why;
        enter(t, ERRAND_NONE);
    }
    pthread_mutex_unlock(&t->mutex);
    return done;
}
