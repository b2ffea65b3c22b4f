#include "services/validator/outlets.h"
#include <stdlib.h>
#include <string.h>

/* The ingestor's windows bound what is under way in bytes; the queue only has to hold as many messages as they allow.
 */
enum { QUEUE_MESSAGES_MAX = 65536, LAST_WORDS_MS = 20 };

static void close_one(struct outlets *o, size_t i)
{
    reactor_remove(o->reactor, o->outlet[i].source);
    free(o->outlet[i].endpoint);
    o->outlet[i] = o->outlet[--o->count];
}

static size_t least_used(const struct outlets *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (!o->outlet[i].used)
            return i;
    return 0;
}

static enum err open_one(struct outlets *o, const char *endpoint, struct outlet **out, struct err_text *e)
{
    if (o->count == OUTLETS_MAX)
        close_one(o, least_used(o));
    struct outlet *new = &o->outlet[o->count];
    *new = (struct outlet){.endpoint = strdup(endpoint)};
    ASSERT(new->endpoint);
    struct reactor_source row = {.name = "verdicts",
                                 .type = ZMQ_PUSH,
                                 .mode = LINK_CONNECT,
                                 .endpoint = new->endpoint,
                                 .options.hwm = QUEUE_MESSAGES_MAX,
                                 .last_words_ms = LAST_WORDS_MS};
    enum err err = reactor_add(o->reactor, &row, &new->source, e);
    if (err) {
        free(new->endpoint);
        return err;
    }
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

enum err outlets_send(struct outlets *o, const char *endpoint, const Parbus__Verdicts *verdicts, struct err_text *e)
{
    struct outlet *to = find(o, endpoint);
    enum err err = to ? OK : open_one(o, endpoint, &to, e);
    if (err)
        return err;
    to->used = true;
    err = reactor_send(o->reactor, to->source, 1, PARBUS__TO_SCORER__BODY_VERDICTS, &verdicts->base);
    return err ? err_set(e, err, "send to %s: %s", endpoint, err_name(err)) : OK;
}

void outlets_close_unused(struct outlets *o)
{
    for (size_t i = o->count; i-- > 0;) {
        bool used = o->outlet[i].used;
        o->outlet[i].used = false;
        if (!used)
            close_one(o, i);
    }
}

void outlets_close(struct outlets *o)
{
    while (o->count)
        close_one(o, o->count - 1);
}
