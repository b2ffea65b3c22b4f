/* Private to common/reactor. A socket has something to read (ready), may have (touched: libzmq's descriptor only tells
 * of what comes while nobody uses the socket, and whoever sends may take that news away), or has nothing. */
#pragma once
#include "base/buffer.h"
#include "reactor/reactor.h"
#include <sys/types.h>

/* The file of a socket that listens, as it was when it was bound. */
struct bound {
    char endpoint[LINK_ENDPOINT_BYTES];
    const struct link_security *security;
    dev_t device;
    ino_t number;
    bool lost; /* … and that was told */
};

struct source {
    struct reactor_source row;
    void *socket; /* NULL: not a socket */
    bool ready, touched, removed;
    bool torn;      /* XPUB that asks: something came that is no subscription, and the queue was not empty since */
    int64_t due_us; /* timers; else INT64_MAX */
    struct bound *bound;
    unsigned bound_count;
};

struct reactor {
    struct reactor_hooks hooks;
    const char *directory;
    int epoll_fd, stop_fd;
    struct source **source; /* NULL: free */
    unsigned count;
    bool swept;         /* nothing is removed and not yet freed */
    struct moment turn; /* when this turn began */
    int64_t tick_us;    /* when tick is due */
    int64_t end_us;     /* it ends then */
    int64_t look_us;    /* whether the files of sockets are there is looked at then */
    bool ended;
    enum err err;
    struct err_text why;
    struct link_message message;
    struct link_frames frames;
    struct arena arena;
    struct buffer out;
};

static inline void *source_ctx(const struct reactor *r, const struct source *s)
{
    return s->row.ctx ? s->row.ctx : r->hooks.ctx;
}
static inline bool source_reads(const struct source *s) { return s->row.channel || s->row.frame || s->row.frames; }
static inline bool source_wanted(const struct reactor *r, const struct source *s)
{
    return !s->row.wanted || s->row.wanted(source_ctx(r, s));
}

/* source.c */
enum err reactor_sources_open(struct reactor *r, const struct reactor_source *row, unsigned count, struct err_text *e);
void reactor_sources_close(struct reactor *r);
void reactor_sources_sweep(struct reactor *r); /* frees what was removed during the turn */
struct moment reactor_now(const struct reactor *r);

/* bound.c: a file of a socket that was removed is bound again */
void bound_add(struct reactor *r, struct source *s, const char *endpoint, const struct link_security *security);
void bound_look(struct reactor *r, int64_t now_us);

/* serve.c: one source's turn */
void source_serve(struct reactor *r, unsigned number);

/* wait.c */
enum { WAIT_STOP = UINT32_MAX };
enum err wait_add(struct reactor *r, int fd, uint32_t number, struct err_text *e);
void wait_remove(struct reactor *r, int fd);
/* Asks the sockets that were used; returns when the next turn is due. */
int64_t wait_deadline(struct reactor *r);
/* Marks what has something; returns whether stop_fd has. */
bool wait_for_sources(struct reactor *r, int64_t until_us);
