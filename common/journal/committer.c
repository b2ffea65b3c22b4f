#include "journal/committer.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
};

/* false: the thread is to end. */
static bool wait_for_group(struct committer *c)
{
    while (c->phase != GIVEN && !c->stopping)
        pthread_cond_wait(&c->given, &c->mutex);
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

enum err committer_start(struct committer **out, struct journal *j, struct err_text *e)
{
    struct committer *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return err_set(e, ERR_NOMEM, "start the thread that writes the journal");
    c->journal = j;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->given, NULL);
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
