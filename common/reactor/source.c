#include "reactor/internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum err bind_also(struct reactor *r, struct source *s, struct err_text *e)
{
    enum err err = OK;
    for (const char *const *endpoint = s->row.also; endpoint && *endpoint && !err; endpoint++) {
        err = link_bind(s->socket, *endpoint, e);
        if (!err)
            bound_add(r, s, *endpoint);
    }
    return err;
}

static enum err open_socket(struct reactor *r, struct source *s, struct err_text *e)
{
    char local[LINK_ENDPOINT_BYTES];
    const char *endpoint = s->row.endpoint;
    enum err err = endpoint ? OK : link_endpoint(local, r->directory, s->row.name, e);
    if (!err)
        err = link_open(&s->socket, s->row.type, s->row.mode, endpoint ? endpoint : local, &s->row.options, e);
    s->row.options.security = NULL;
    s->touched = true; /* what came before anybody waits for it */
    if (!err && s->row.mode == LINK_BIND)
        bound_add(r, s, endpoint ? endpoint : local);
    return err ? err : bind_also(r, s, e);
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

static unsigned free_number(struct reactor *r)
{
    for (unsigned i = 0; i < r->count; i++)
        if (!r->source[i])
            return i;
    r->source = realloc(r->source, (r->count + 1) * sizeof(struct source *));
    ASSERT(r->source);
    r->source[r->count] = NULL;
    return r->count++;
}

enum err reactor_add(struct reactor *r, const struct reactor_source *row, unsigned *source, struct err_text *e)
{
    struct source *s = calloc(1, sizeof *s);
    ASSERT(s);
    ASSERT(!row->channel || r->hooks.message);
    ASSERT(!row->frames || row->type != ZMQ_REP);
    s->row = *row;
    unsigned number = free_number(r);
    enum err err = open_one(r, s, number, e);
    if (err) {
        close_one(s);
        free(s);
        return err_wrap(e, err, "%s", row->name);
    }
    r->source[number] = s;
    *source = number;
    return OK;
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

enum err reactor_sources_open(struct reactor *r, const struct reactor_source *row, unsigned count, struct err_text *e)
{
    enum err err = OK;
    for (unsigned i = 0, number; i < count && !err; i++)
        err = reactor_add(r, &row[i], &number, e);
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
