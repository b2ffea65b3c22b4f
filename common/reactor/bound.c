#include "base/clock.h"
#include "base/deadline.h"
#include "reactor/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What was removed is away for so long, at most; peers on the same host connect again within milliseconds. */
enum { LOOK_US = 1000000 };

/* NULL: not a file. */
static const char *file_of(const char *endpoint)
{
    static const char scheme[] = "ipc://";
    const char *path = strncmp(endpoint, scheme, sizeof scheme - 1) == 0 ? endpoint + sizeof scheme - 1 : "";
    return *path && *path != '@' && *path != '*' ? path : NULL;
}

static void note(struct bound *b)
{
    struct stat st = {0};
    if (stat(file_of(b->endpoint), &st) == 0)
        b->device = st.st_dev, b->number = st.st_ino;
}

void bound_add(struct reactor *r, struct source *s, const char *endpoint, const struct link_security *security)
{
    if (!file_of(endpoint))
        return;
    s->bound = realloc(s->bound, (s->bound_count + 1) * sizeof *s->bound);
    ASSERT(s->bound);
    struct bound *b = &s->bound[s->bound_count++];
    *b = (struct bound){.security = security};
    snprintf(b->endpoint, sizeof b->endpoint, "%s", endpoint);
    note(b);
    r->look_us = earlier_us(r->look_us, clock_mono_us() + LOOK_US);
}

static bool is_there(const struct bound *b)
{
    struct stat st;
    return stat(file_of(b->endpoint), &st) == 0 && st.st_dev == b->device && st.st_ino == b->number;
}

/* The old listener stays, which nobody can reach any more: to end it would cut those who came by it. It costs one
 * descriptor. */
static void bind_again(const struct reactor *r, struct source *s, struct bound *b)
{
    struct err_text e;
    const struct reactor_hooks *hooks = &r->hooks;
    enum err err = link_bind(s->socket, b->endpoint, b->security, &e);
    if (!err)
        note(b);
    if (!err && hooks->tell)
        tell(hooks, TELL_WARN, "socket.bound_again", "file=\"%s\" why=\"it was removed or replaced\"",
             file_of(b->endpoint));
    else if (hooks->tell && !b->lost)
        tell(hooks, TELL_ERROR, "socket.lost",
             "file=\"%s\" why=\"it was removed or replaced, and nobody can connect: %s\"", file_of(b->endpoint),
             e.text);
    b->lost = err;
}

void bound_look(struct reactor *r, int64_t now_us)
{
    if (now_us < r->look_us)
        return;
    r->look_us = now_us + LOOK_US;
    for (unsigned i = 0; i < r->count; i++)
        for (unsigned k = 0; r->source[i] && !r->source[i]->removed && k < r->source[i]->bound_count; k++)
            if (!is_there(&r->source[i]->bound[k]))
                bind_again(r, r->source[i], &r->source[i]->bound[k]);
}
