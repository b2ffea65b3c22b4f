#include "reactor/internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum err reactor_bind(struct reactor *r, unsigned source, const char *endpoint, const struct link_security *security,
                      struct err_text *e)
{
    struct source *s = r->source[source];
    ASSERT(s && s->socket && s->row.mode == LINK_BIND);
    enum err err = link_bind(s->socket, endpoint, security, e);
    if (!err)
        bound_add(r, s, endpoint, security);
    return err_wrap(e, err, "%s", s->row.name);
}

static enum err open_socket(struct reactor *r, struct source *s, struct err_text *e)
{
    char local[LINK_ENDPOINT_BYTES];
    const char *endpoint = s->row.endpoint;
    enum err err = endpoint ? OK : link_endpoint(local, r->directory, s->row.name, e);
    if (!err)
        err = link_open(&s->socket, s->row.type, s->row.mode, endpoint ? endpoint : local, &s->row.options, e);
    s->touched = true; /* what came before anybody waits for it */
    if (!err && s->row.mode == LINK_BIND)
        bound_add(r, s, endpoint ? endpoint : local, s->row.options.security);
    return err;
}

static int descriptor_of(const struct source *s)
{
    int fd = s->row.fd;
    size_t bytes = sizeof fd;
    if (s->socket)
        zmq_getsockopt(s->socket, ZMQ_FD, &fd, &bytes);
    return fd;
}

static enum err open_one(struct reactor *r, struct source *s, unsigned number, struct err_text *e)
{
    enum err err = s->row.kind == REACTOR_SOCKET ? open_socket(r, s, e) : OK;
    s->due_us = s->row.kind == REACTOR_TIMER ? 0 : INT64_MAX;
    if (!err && s->row.kind != REACTOR_TIMER)
        err = wait_add(r, descriptor_of(s), number, e);
    return err;
}

static void close_one(struct source *s)
{
    if (s->socket && s->row.last_words_ms)
        zmq_setsockopt(s->socket, ZMQ_LINGER, &s->row.last_words_ms, sizeof s->row.last_words_ms);
    link_close(&s->socket);
    free(s->bound);
    s->bound = NULL;
    s->bound_count = 0;
}

static void make_room(struct reactor *r, unsigned count)
{
    r->source = realloc(r->source, (r->count + count) * sizeof(struct source *));
    ASSERT(r->source);
    while (count--)
        r->source[r->count++] = NULL;
}

static unsigned free_number(struct reactor *r)
{
    for (unsigned i = 0; i < r->count; i++)
        if (!r->source[i])
            return i;
    make_room(r, 1);
    return r->count - 1;
}

static enum err add_at(struct reactor *r, const struct reactor_source *row, unsigned number, struct err_text *e)
{
    struct source *s = calloc(1, sizeof *s);
    ASSERT(s);
    ASSERT(!row->channel || r->hooks.message);
    ASSERT(!row->frames || row->type != ZMQ_REP);
    s->row = *row;
    enum err err = open_one(r, s, number, e);
    if (err) {
        close_one(s);
        free(s);
        return err_wrap(e, err, "%s", row->name);
    }
    r->source[number] = s;
    return OK;
}

enum err reactor_add(struct reactor *r, const struct reactor_source *row, unsigned *source, struct err_text *e)
{
    *source = free_number(r);
    return add_at(r, row, *source, e);
}

/* A hook may remove the source whose message it looks at. */
void reactor_remove(struct reactor *r, unsigned source)
{
    struct source *s = r->source[source];
    ASSERT(s && !s->removed);
    if (s->row.kind != REACTOR_TIMER)
        wait_remove(r, descriptor_of(s));
    close_one(s);
    s->removed = true;
    s->ready = s->touched = false;
    s->due_us = INT64_MAX;
    r->swept = false;
}

bool reactor_waiting(const struct reactor *r, unsigned source) { return r->source[source]->ready; }

void reactor_sources_sweep(struct reactor *r)
{
    for (unsigned i = 0; !r->swept && i < r->count; i++)
        if (r->source[i] && r->source[i]->removed) {
            free(r->source[i]);
            r->source[i] = NULL;
        }
    r->swept = true;
}

static bool is_within(const struct reactor_source *row)
{
    return row->endpoint && strncmp(row->endpoint, "inproc://", 9) == 0;
}

enum err reactor_sources_open(struct reactor *r, const struct reactor_source *row, unsigned count, struct err_text *e)
{
    enum err err = OK;
    make_room(r, count);
    for (int within = 1; within >= 0; within--)
        for (unsigned i = 0; i < count && !err; i++)
            if (is_within(&row[i]) == within)
                err = add_at(r, &row[i], i, e);
    return err;
}

void reactor_sources_close(struct reactor *r)
{
    for (unsigned i = 0; i < r->count; i++)
        if (r->source[i]) {
            close_one(r->source[i]);
            free(r->source[i]);
        }
    free(r->source);
}
