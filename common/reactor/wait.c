#include "base/clock.h"
#include "base/deadline.h"
#include "reactor/internal.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS_MAX = 64 };

enum err wait_add(struct reactor *r, int fd, uint32_t number, struct err_text *e)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return err_set(e, ERR_IO, "wait for descriptor %d: %s", fd, strerror(errno));
    return OK;
}

void wait_remove(struct reactor *r, int fd) { epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, fd, NULL); }

/* Also lets the socket do what its I/O thread has told it. */
static bool can_be_read(void *socket)
{
    int events = 0;
    size_t bytes = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &bytes) == 0 && events & ZMQ_POLLIN;
}

static void ask(struct source *s)
{
    s->ready = can_be_read(s->socket) && source_reads(s);
    s->touched = false;
}

int64_t wait_deadline(struct reactor *r)
{
    int64_t due_us = earlier_us(earlier_us(r->tick_us, r->end_us), r->look_us);
    for (unsigned i = 0; i < r->count; i++) {
        struct source *s = r->source[i];
        if (!s)
            continue;
        if (s->touched && !s->ready)
            ask(s);
        if (s->ready && source_wanted(r, s))
            return 0;
        due_us = earlier_us(due_us, s->due_us);
    }
    return due_us;
}

static void take_event(struct reactor *r, uint32_t number)
{
    struct source *s = r->source[number];
    if (s->socket && !(source_reads(s) && source_wanted(r, s)))
        ask(s); /* else its descriptor would go on telling */
    else
        s->ready = true;
}

static bool take_events(struct reactor *r)
{
    struct epoll_event event[EVENTS_MAX];
    bool stop = false;
    int count = epoll_wait(r->epoll_fd, event, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        if (event[i].data.u32 == WAIT_STOP)
            stop = true;
        else
            take_event(r, event[i].data.u32);
    }
    return stop;
}

/* epoll_wait counts in milliseconds. */
static void sleep_until(const struct reactor *r, int64_t due_us)
{
    struct pollfd any = {.fd = r->epoll_fd, .events = POLLIN};
    int64_t us = us_until(due_us, clock_mono_us());
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    if (us > 0)
        ppoll(&any, 1, due_us == INT64_MAX ? NULL : &t, NULL);
}

bool wait_for_sources(struct reactor *r, int64_t until_us)
{
    sleep_until(r, earlier_us(wait_deadline(r), until_us));
    return take_events(r);
}
