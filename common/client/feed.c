#include "base/clock.h"
#include "client/errors.h"
#include "client/feed_topics.h"
#include "client/keys.h"
#include "client/loop.h"
#include "reactor/reactor.h"
#include <parbus/feed.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS, ANSWERS, SOCKETS };
enum {
    EVENTS_HWM = 10000,
    REQUESTS_HWM = 64,   /* unanswered questions pile up while there is no publisher */
    ASKING_US = 1000000, /* of a second's questions one counts, … */
    ASKED_MAX = 5,       /* … and when so many brought nothing, a connection counts as dead */
};

struct parbus_feed {
    struct reactor *reactor;
    struct feed_topics *topics;
    struct arena arena;
    char *endpoint[SOCKETS];
    struct client_keys keys;
    unsigned source[SOCKETS];
    unsigned asked[SOCKETS]; /* questions since anything was heard on it */
    int64_t counted_us;
    bool reopened; /* … since anything was heard at all */
    void (*trouble)(void *ctx, const char *text);
    void *ctx;
};

static void say(const struct parbus_feed *f, const char *text)
{
    if (f->trouble)
        f->trouble(f->ctx, text);
}

static void heard(struct parbus_feed *f, int socket)
{
    f->asked[socket] = 0;
    f->reopened = false;
}

/* ---- what comes ---- */

static void on_event(void *ctx, unsigned source, struct link_message *frame, struct moment now)
{
    struct parbus_feed *f = ctx;
    struct wire_message m;
    struct err_text e;
    (void)source;
    heard(f, EVENTS);
    arena_reset(&f->arena);
    if (wire_open(&wire_feed_event, link_data(frame), link_bytes(frame), &f->arena, &m, &e))
        say(f, e.text);
    else
        feed_topics_event(f->topics, frame->topic, &m, now);
}

static void on_answer(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    struct parbus_feed *f = ctx;
    (void)source, (void)peer;
    heard(f, ANSWERS);
    if (m->err)
        say(f, m->why);
    else
        feed_topics_answer(f->topics, m, now);
}

static int64_t on_tick(void *ctx, struct moment now)
{
    struct parbus_feed *f = ctx;
    return feed_topics_tick(f->topics, now);
}

/* ---- connections ---- */

static void subscribe(void *ctx, const char *topic, bool wanted)
{
    struct parbus_feed *f = ctx;
    enum err err = wanted ? reactor_subscribe(f->reactor, f->source[EVENTS], topic)
                          : reactor_unsubscribe(f->reactor, f->source[EVENTS], topic);
    ASSERT(!err);
}

static enum err connect_both(struct parbus_feed *f, struct err_text *e)
{
    const struct reactor_source row[SOCKETS] = {
        [EVENTS] = {.name = "feed",
                    .kind = REACTOR_SOCKET,
                    .type = ZMQ_SUB,
                    .mode = LINK_CONNECT,
                    .endpoint = f->endpoint[EVENTS],
                    .options = {.hwm = EVENTS_HWM, .security = &f->keys.security},
                    .frame = on_event},
        [ANSWERS] = {.name = "snapshot",
                     .kind = REACTOR_SOCKET,
                     .type = ZMQ_DEALER,
                     .mode = LINK_CONNECT,
                     .endpoint = f->endpoint[ANSWERS],
                     .options = {.hwm = REQUESTS_HWM, .security = &f->keys.security},
                     .channel = &wire_from_snapshots},
    };
    enum err err = reactor_add(f->reactor, &row[EVENTS], &f->source[EVENTS], e);
    if (err)
        return err;
    err = reactor_add(f->reactor, &row[ANSWERS], &f->source[ANSWERS], e);
    if (err)
        reactor_remove(f->reactor, f->source[EVENTS]);
    return err;
}

/* A connection may be dead for hours before either end is told. */
static void connect_again(struct parbus_feed *f)
{
    struct err_text e;
    unsigned old[SOCKETS];
    memcpy(old, f->source, sizeof old);
    memset(f->asked, 0, sizeof f->asked);
    if (!f->reopened)
        say(f, "nothing comes on a connection any more; connecting anew");
    f->reopened = true;
    if (connect_both(f, &e)) {
        say(f, e.text);
        memcpy(f->source, old, sizeof old);
        return;
    }
    for (int i = 0; i < SOCKETS; i++)
        reactor_remove(f->reactor, old[i]);
    feed_topics_resubscribe(f->topics);
}

static bool seems_dead(struct parbus_feed *f, int64_t now_us)
{
    bool dead = false;
    if (now_us - f->counted_us < ASKING_US)
        return false;
    f->counted_us = now_us;
    if (!feed_topics_expect_events(f->topics))
        f->asked[EVENTS] = 0;
    for (int i = 0; i < SOCKETS; i++)
        dead = ++f->asked[i] > ASKED_MAX || dead;
    return dead;
}

static void send(void *ctx, const void *data, size_t bytes, struct moment now)
{
    struct parbus_feed *f = ctx;
    if (seems_dead(f, now.mono_us))
        connect_again(f);
    reactor_send_bytes(f->reactor, f->source[ANSWERS], 0, data, bytes);
}

/* ---- from open to close ---- */

static struct parbus_feed *new_feed(const struct parbus_feed_options *o)
{
    struct parbus_feed *f = calloc(1, sizeof *f);
    ASSERT(f);
    f->trouble = o->trouble;
    client_keys_take(&f->keys, o->keys);
    f->ctx = o->ctx;
    f->endpoint[EVENTS] = strdup(o->feed_endpoint);
    f->endpoint[ANSWERS] = strdup(o->snapshot_endpoint);
    ASSERT(f->endpoint[EVENTS] && f->endpoint[ANSWERS]);
    arena_init(&f->arena, WIRE_ARENA_BYTES);
    f->topics = feed_topics_new(o->topics_max, o->memory_bytes_max,
                                &(struct feed_topics_io){.ctx = f, .send = send, .subscribe = subscribe});
    return f;
}

static enum err open_feed(struct parbus_feed **out, const struct parbus_feed_options *o, struct err_text *e)
{
    if (o->topics_max > FEED_TOPICS_MAX)
        return err_set(e, ERR_INVALID, "topics_max is %u, at most %d are possible", o->topics_max, FEED_TOPICS_MAX);
    if (!o->feed_endpoint || !o->snapshot_endpoint)
        return err_set(e, ERR_INVALID, "a feed needs feed_endpoint and snapshot_endpoint");
    struct parbus_feed *f = *out = new_feed(o);
    struct reactor_options options = {.hooks = {.ctx = f, .message = on_answer, .tick = on_tick}};
    enum err err = reactor_open(&f->reactor, &options, e);
    return err ? err : connect_both(f, e);
}

enum parbus_err parbus_feed_open(struct parbus_feed **f, const struct parbus_feed_options *o, struct parbus_err_text *e)
{
    struct err_text why = {""};
    *f = NULL;
    enum err err = open_feed(f, o, &why);
    if (err)
        parbus_feed_close(f);
    return public_result(err, &why, e);
}

void parbus_feed_close(struct parbus_feed **feed)
{
    struct parbus_feed *f = *feed;
    if (!f)
        return;
    reactor_close(&f->reactor);
    feed_topics_destroy(&f->topics);
    for (int i = 0; i < SOCKETS; i++)
        free(f->endpoint[i]);
    arena_free(&f->arena);
    client_keys_forget(&f->keys);
    free(f);
    *feed = NULL;
}

enum parbus_err parbus_feed_follow(struct parbus_feed *f, const char *topic, const struct parbus_topic_events *events,
                                   struct parbus_topic **t, struct parbus_err_text *e)
{
    struct err_text why = {""};
    enum err err = feed_topics_follow(f->topics, topic, events, t, clock_moment(), &why);
    if (!err)
        reactor_due(f->reactor);
    return public_result(err, &why, e);
}

/* ---- the loop ---- */

static enum parbus_err turn(struct parbus_feed *f, int64_t until_us, struct parbus_err_text *e)
{
    reactor_step(f->reactor, until_us);
    return public_err(reactor_result(f->reactor, text_of(e)));
}

enum parbus_err parbus_feed_step(struct parbus_feed *f, struct parbus_err_text *e) { return turn(f, 0, e); }

enum parbus_err parbus_feed_poll(struct parbus_feed *f, int timeout_ms, struct parbus_err_text *e)
{
    return turn(f, deadline_after_ms(timeout_ms), e);
}

int parbus_feed_fd(const struct parbus_feed *f) { return reactor_descriptor(f->reactor); }
int64_t parbus_feed_deadline_us(struct parbus_feed *f) { return reactor_deadline(f->reactor); }
int parbus_feed_timeout_ms(struct parbus_feed *f) { return ms_until(parbus_feed_deadline_us(f)); }
