#include "services/parbus/status/stats.h"
#include "base/arena.h"
#include "base/clock.h"
#include "link/link.h"
#include "wire/wire.h"
#include <stdlib.h>

enum { ANSWER_MS_MAX = 5000, ASK_AGAIN_MS = 250 };

struct stats {
    struct arena arena;
    const Parbus__StatsReply *reply;
};

static void ask(void *socket)
{
    Parbus__Stats question = PARBUS__STATS__INIT;
    struct buffer out = {0};
    wire_pack(&out, PARBUS__TO_INGESTOR__BODY_STATS, &question.base);
    link_send(socket, out.data, out.size);
    buffer_free(&out);
}

static enum err take(struct stats *s, struct link_message *m)
{
    struct wire_message opened;
    arena_reset(&s->arena);
    if (wire_open(&wire_to_feeder, link_data(m), link_bytes(m), &s->arena, &opened, NULL) != OK ||
        opened.kind != PARBUS__TO_FEEDER__BODY_STATS)
        return ERR_PEER;
    s->reply = (const Parbus__StatsReply *)opened.message;
    return OK;
}

/* Asks again and again: the ingestor that was asked first may be gone, and another one is starting. */
static enum err ask_until_answered(struct stats *s, void *socket)
{
    struct link_message m;
    int64_t deadline = clock_mono_us() + ANSWER_MS_MAX * 1000ll, again = 0;
    enum err err = ERR_TIMEOUT;
    link_message_init(&m);
    for (int64_t now = clock_mono_us(); err && now < deadline; now = clock_mono_us()) {
        if (now >= again) {
            ask(socket);
            again = now + ASK_AGAIN_MS * 1000ll;
        }
        link_poll(&socket, 1, -1, again - now);
        if (link_receive(socket, ZMQ_DEALER, &m) == OK)
            err = take(s, &m);
    }
    link_message_close(&m);
    return err;
}

enum err stats_ask(const char *directory, struct stats **out, struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    void *socket;
    *out = NULL;
    enum err err = link_endpoint(endpoint, directory, "door", e);
    if (!err)
        err = link_open(&socket, ZMQ_DEALER, LINK_CONNECT, endpoint, &(struct link_options){.hwm = 4}, e);
    if (err)
        return err;
    *out = calloc(1, sizeof **out);
    ASSERT(*out);
    arena_init(&(*out)->arena, WIRE_ARENA_BYTES);
    if (ask_until_answered(*out, socket) != OK) {
        err = err_set(e, ERR_TIMEOUT,
                      "the ingestor does not answer; does it run in %s? Its log (log/ingestor-1.log, or that of its "
                      "container) says more",
                      directory);
        stats_free(out);
    }
    link_close(&socket);
    return err;
}

const Parbus__StatsReply *stats_reply(const struct stats *s) { return s->reply; }

void stats_free(struct stats **s)
{
    if (*s) {
        arena_free(&(*s)->arena);
        free(*s);
    }
    *s = NULL;
}
