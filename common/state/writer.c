#include "state/writer.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum phase { IDLE, GIVEN, DONE };

struct state_writer {
    pthread_t thread;
    bool started;
    int fd; /* readable when DONE */
    pthread_mutex_t mutex;
    pthread_cond_t given;
    /* under the mutex */
    enum phase phase;
    bool stopping;
    struct state *state;
    struct state_work *work;
    uint64_t ticket;
    enum err err;
    struct err_text why;
};

/* false: the thread is to end. */
static bool wait_for_work(struct state_writer *w)
{
    while (w->phase != GIVEN && !w->stopping)
        pthread_cond_wait(&w->given, &w->mutex);
    return w->phase == GIVEN;
}

static void announce(const struct state_writer *w)
{
    uint64_t one = 1;
    ssize_t written = write(w->fd, &one, sizeof one);
    ASSERT(written == sizeof one);
}

static enum err write_work(struct state *s, struct state_work *w, struct err_text *e)
{
    enum err err = w->claims ? state_claim(s, w->claim, w->claims, e) : OK;
    return !err && w->batches ? state_commit(s, w->batch, w->batches, e) : err;
}

static void *run(void *ctx)
{
    struct state_writer *w = ctx;
    pthread_mutex_lock(&w->mutex);
    while (wait_for_work(w)) {
        struct state *state = w->state;
        struct state_work *work = w->work;
        struct err_text why = {""};
        pthread_mutex_unlock(&w->mutex);
        enum err err = write_work(state, work, &why);
        pthread_mutex_lock(&w->mutex);
        w->phase = DONE;
        w->err = err;
        w->why = why;
        announce(w);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static enum err start_thread(struct state_writer *w, struct err_text *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->started = rc == 0;
    return rc ? err_set(e, ERR_NOMEM, "start the thread that writes state: %s", strerror(rc)) : OK;
}

enum err state_writer_start(struct state_writer **out, struct err_text *e)
{
    struct state_writer *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return err_set(e, ERR_NOMEM, "start the thread that writes state");
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->given, NULL);
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = w->fd < 0 ? err_set(e, ERR_IO, "eventfd: %s", strerror(errno)) : start_thread(w, e);
    if (err)
        state_writer_stop(out);
    return err;
}

void state_writer_stop(struct state_writer **out)
{
    struct state_writer *w = *out;
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_signal(&w->given);
    pthread_mutex_unlock(&w->mutex);
    if (w->started)
        pthread_join(w->thread, NULL);
    if (w->fd >= 0)
        close(w->fd);
    pthread_cond_destroy(&w->given);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    *out = NULL;
}

int state_writer_fd(const struct state_writer *w) { return w->fd; }

enum err state_writer_give(struct state_writer *w, struct state *s, struct state_work *work, uint64_t ticket)
{
    pthread_mutex_lock(&w->mutex);
    bool idle = w->phase == IDLE;
    if (idle) {
        w->state = s;
        w->work = work;
        w->ticket = ticket;
        w->phase = GIVEN;
        pthread_cond_signal(&w->given);
    }
    pthread_mutex_unlock(&w->mutex);
    return idle ? OK : ERR_BUSY;
}

bool state_writer_take(struct state_writer *w, uint64_t *ticket, enum err *err, struct err_text *why)
{
    uint64_t count;
    pthread_mutex_lock(&w->mutex);
    bool done = w->phase == DONE;
    if (done) {
        ssize_t bytes = read(w->fd, &count, sizeof count);
        ASSERT(bytes == sizeof count);
        *ticket = w->ticket;
        *err = w->err;
        *why = w->why;
        w->phase = IDLE;
    }
    pthread_mutex_unlock(&w->mutex);
    return done;
}
