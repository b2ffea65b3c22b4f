#include "base/clock.h"
#include "base/deadline.h"
#include "reactor/internal.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

static enum err open_all(struct reactor *r, const struct reactor_options *o, struct err_text *e)
{
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll_fd < 0)
        return err_set(e, ERR_IO, "epoll: %s", strerror(errno));
    enum err err = o->stop_fd > 0 ? wait_add(r, o->stop_fd, WAIT_STOP, e) : OK;
    return err ? err : reactor_sources_open(r, o->sources, o->count, e);
}

enum err reactor_open(struct reactor **out, const struct reactor_options *o, struct err_text *e)
{
    struct reactor *r = *out = calloc(1, sizeof *r);
    ASSERT(r);
    r->hooks = o->hooks;
    r->directory = o->directory;
    r->stop_fd = o->stop_fd;
    r->end_us = r->look_us = INT64_MAX;
    r->swept = true;
    arena_init(&r->arena, WIRE_ARENA_BYTES);
    link_message_init(&r->message);
    link_frames_init(&r->frames);
    enum err err = open_all(r, o, e);
    if (err)
        reactor_close(out);
    return err;
}

void reactor_close(struct reactor **out)
{
    struct reactor *r = *out;
    if (!r)
        return;
    link_message_close(&r->message);
    link_frames_close(&r->frames);
    reactor_sources_close(r);
    if (r->epoll_fd >= 0)
        close(r->epoll_fd);
    arena_free(&r->arena);
    buffer_free(&r->out);
    free(r);
    *out = NULL;
}

/* ---- one turn ---- */

static void stop(struct reactor *r)
{
    wait_remove(r, r->stop_fd);
    r->end_us = r->hooks.stop ? r->hooks.stop(r->hooks.ctx, reactor_now(r)) : r->turn.mono_us;
}

static void serve_all(struct reactor *r)
{
    for (unsigned i = 0; i < r->count && !r->ended; i++)
        source_serve(r, i);
}

static void tick(struct reactor *r)
{
    struct moment now = reactor_now(r);
    if (!r->ended)
        r->tick_us = r->hooks.tick ? r->hooks.tick(r->hooks.ctx, now) : INT64_MAX;
    if (now.mono_us >= r->end_us)
        r->ended = true;
}

bool reactor_step(struct reactor *r, int64_t until_us)
{
    if (r->ended)
        return false;
    bool told = wait_for_sources(r, until_us);
    r->turn = clock_moment();
    if (told)
        stop(r);
    serve_all(r);
    bound_look(r, r->turn.mono_us);
    tick(r);
    reactor_sources_sweep(r);
    return !r->ended;
}

int reactor_descriptor(const struct reactor *r) { return r->epoll_fd; }

int64_t reactor_deadline(struct reactor *r) { return wait_deadline(r); }

void reactor_due(struct reactor *r) { r->tick_us = 0; }

/* ---- from the first turn to the last ---- */

void reactor_end(struct reactor *r) { r->ended = true; }

enum err reactor_fail(struct reactor *r, enum err err, const char *format, ...)
{
    va_list args;
    if (r->ended)
        return err;
    r->ended = true;
    r->err = err;
    va_start(args, format);
    vsnprintf(r->why.text, sizeof r->why.text, format, args);
    va_end(args);
    return err;
}

enum err reactor_result(const struct reactor *r, struct err_text *e)
{
    return r->err ? err_set(e, r->err, "%s", r->why.text) : OK;
}

enum err reactor_run(struct reactor *r, struct err_text *e)
{
    prctl(PR_SET_TIMERSLACK, 1ul); /* the kernel's own idea of punctual is 50 µs late */
    while (reactor_step(r, INT64_MAX))
        continue;
    return reactor_result(r, e);
}
