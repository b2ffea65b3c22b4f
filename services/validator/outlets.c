#include "services/validator/outlets.h"
#include "link/link.h"
#include <stdlib.h>
#include <string.h>

/* The ingestor's windows bound what is under way in bytes; the queue only has to hold as many messages as they allow.
 */
enum { QUEUE_MESSAGES_MAX = 65536, UNUSED_US = 30000000 };

static void close_one(struct outlets *o, size_t i)
{
    link_close(&o->outlet[i].socket);
    free(o->outlet[i].endpoint);
    o->outlet[i] = o->outlet[--o->count];
}

static size_t longest_unused(const struct outlets *o)
{
    size_t oldest = 0;
    for (size_t i = 1; i < o->count; i++)
        if (o->outlet[i].used_us < o->outlet[oldest].used_us)
            oldest = i;
    return oldest;
}

static enum err open_one(struct outlets *o, const char *endpoint, struct outlet **out, struct err_text *e)
{
    if (o->count == OUTLETS_MAX)
        close_one(o, longest_unused(o));
    struct outlet *new = &o->outlet[o->count];
    *new = (struct outlet){0};
    enum err err =
        link_open(&new->socket, ZMQ_PUSH, LINK_CONNECT, endpoint, &(struct link_options){.hwm = QUEUE_MESSAGES_MAX}, e);
    if (err)
        return err;
    new->endpoint = strdup(endpoint);
    ASSERT(new->endpoint);
    o->count++;
    *out = new;
    return OK;
}

static struct outlet *find(struct outlets *o, const char *endpoint)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->outlet[i].endpoint, endpoint) == 0)
            return &o->outlet[i];
    return NULL;
}

enum err outlets_send(struct outlets *o, const char *endpoint, const void *data, size_t bytes, int64_t now_us,
                      struct err_text *e)
{
    struct outlet *to = find(o, endpoint);
    enum err err = to ? OK : open_one(o, endpoint, &to, e);
    if (err)
        return err;
    to->used_us = now_us;
    err = link_send(to->socket, data, bytes);
    return err ? err_set(e, err, "send to %s: %s", endpoint, err_name(err)) : OK;
}

void outlets_close_unused(struct outlets *o, int64_t now_us)
{
    for (size_t i = o->count; i-- > 0;)
        if (now_us - o->outlet[i].used_us > UNUSED_US)
            close_one(o, i);
}

void outlets_close(struct outlets *o)
{
    while (o->count)
        close_one(o, o->count - 1);
}
