#include "base/clock.h"
#include "base/deadline.h"
#include "client/errors.h"
#include "client/feed_table.h"
#include "link/link.h"
#include <parbus/feed.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS, ANSWERS, SOCKETS };
enum {
    EVENTS_HWM = 10000,
    REQUESTS_HWM = 64, /* unanswered questions pile up while there is no publisher */
    DRAIN_MAX = 1024,
    ASKING_US = 1000000, /* of a second's questions one counts, … */
    ASKED_MAX = 5,       /* … and when so many brought nothing, a connection counts as dead */
};

struct parbus_feed {
    struct parbus_feed_events events;
    struct feed_table *table;
    void *socket[SOCKETS];
    struct link_message message;
    struct arena arena;
    struct buffer out;
    char topic[LINK_TOPIC_BYTES_MAX];
    char *endpoint[SOCKETS];
    unsigned asked[SOCKETS]; /* questions since anything was heard on it */
    int64_t counted_us;
    bool reopened; /* … since anything was heard at all */
};

static void on_snapshot(void *ctx)
{
    struct parbus_feed *f = ctx;
    if (f->events.snapshot)
        f->events.snapshot(f->events.ctx, f);
}

static void on_delta(void *ctx, const Parbus__Delta *delta)
{
    struct parbus_feed *f = ctx;
    if (f->events.delta)
        f->events.delta(f->events.ctx, f, delta);
}

static void on_trouble(void *ctx, const char *text)
{
    struct parbus_feed *f = ctx;
    if (f->events.trouble)
        f->events.trouble(f->events.ctx, text);
}

static enum err open_sockets(struct parbus_feed *f, struct err_text *e)
{
    enum err err = link_open(&f->socket[EVENTS], ZMQ_SUB, LINK_CONNECT, f->endpoint[EVENTS],
                             &(struct link_options){.hwm = EVENTS_HWM}, e);
    if (!err && link_subscribe(f->socket[EVENTS], f->topic)) /* F1: before the first question */
        err = err_set(e, ERR_IO, "subscribe to %s", f->topic);
    if (!err)
        err = link_open(&f->socket[ANSWERS], ZMQ_DEALER, LINK_CONNECT, f->endpoint[ANSWERS],
                        &(struct link_options){.hwm = REQUESTS_HWM}, e);
    return err;
}

static void close_sockets(void *socket[static SOCKETS])
{
    for (int i = 0; i < SOCKETS; i++)
        link_close(&socket[i]);
}

static enum err open_feed(struct parbus_feed **feed, const struct parbus_feed_options *o, struct err_text *e)
{
    size_t bytes = strlen(o->topic) + 1;
    if (bytes > LINK_TOPIC_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "the topic is %zu bytes long, at most %d are possible", bytes - 1,
                       LINK_TOPIC_BYTES_MAX - 1);
    struct parbus_feed *f = calloc(1, sizeof *f);
    ASSERT(f);
    f->events = o->events;
    memcpy(f->topic, o->topic, bytes);
    f->endpoint[EVENTS] = strdup(o->feed_endpoint);
    f->endpoint[ANSWERS] = strdup(o->snapshot_endpoint);
    ASSERT(f->endpoint[EVENTS] && f->endpoint[ANSWERS]);
    arena_init(&f->arena, WIRE_ARENA_BYTES);
    link_message_init(&f->message);
    struct feed_table_events events = {f, on_snapshot, on_delta, on_trouble};
    f->table = feed_table_new(o->topic, &events, clock_mono_us());
    enum err err = open_sockets(f, e);
    if (err)
        parbus_feed_close(&f);
    *feed = f;
    return err;
}

enum parbus_err parbus_feed_open(struct parbus_feed **f, const struct parbus_feed_options *o, struct parbus_err_text *e)
{
    *f = NULL;
    return public_err(open_feed(f, o, text_of(e)));
}

void parbus_feed_close(struct parbus_feed **feed)
{
    struct parbus_feed *f = *feed;
    if (!f)
        return;
    close_sockets(f->socket);
    for (int i = 0; i < SOCKETS; i++)
        free(f->endpoint[i]);
    link_message_close(&f->message);
    feed_table_destroy(&f->table);
    arena_free(&f->arena);
    buffer_free(&f->out);
    free(f);
    *feed = NULL;
}

static void dispatch(struct parbus_feed *f, int socket, const struct wire_message *m)
{
    if (socket == ANSWERS)
        feed_table_answer(f->table, m, clock_mono_us());
    else if (!strcmp(f->message.topic, f->topic))
        feed_table_event(f->table, m, clock_mono_us());
}

static void drain(struct parbus_feed *f, int socket)
{
    const struct wire_channel *channel = socket == EVENTS ? &wire_feed_event : &wire_from_snapshots;
    int type = socket == EVENTS ? ZMQ_SUB : ZMQ_DEALER;
    struct wire_message m;
    struct err_text e;
    for (int i = 0; i < DRAIN_MAX && !link_receive(f->socket[socket], type, &f->message); i++) {
        arena_reset(&f->arena);
        f->asked[socket] = 0;
        f->reopened = false;
        if (wire_open(channel, link_data(&f->message), link_bytes(&f->message), &f->arena, &m, &e))
            on_trouble(f, e.text);
        else
            dispatch(f, socket, &m);
    }
}

/* A connection may be dead for hours before either end is told. */
static void connect_again(struct parbus_feed *f)
{
    struct err_text e;
    void *old[SOCKETS];
    memcpy(old, f->socket, sizeof old);
    memset(f->socket, 0, sizeof f->socket);
    memset(f->asked, 0, sizeof f->asked);
    if (!f->reopened)
        on_trouble(f, "nothing comes on a connection any more; connecting anew");
    f->reopened = true;
    if (open_sockets(f, &e) == OK) {
        close_sockets(old);
        return;
    }
    on_trouble(f, e.text);
    close_sockets(f->socket);
    memcpy(f->socket, old, sizeof old);
}

static bool seems_dead(struct parbus_feed *f, int64_t now_us)
{
    bool dead = false;
    if (now_us - f->counted_us < ASKING_US)
        return false;
    f->counted_us = now_us;
    if (feed_table_topic_unknown(f->table))
        f->asked[EVENTS] = 0; /* there is nothing that could come */
    for (int i = 0; i < SOCKETS; i++)
        dead = ++f->asked[i] > ASKED_MAX || dead;
    return dead;
}

static void ask(struct parbus_feed *f)
{
    int64_t now_us = clock_mono_us();
    if (!feed_table_tick(f->table, now_us, &f->out))
        return;
    if (seems_dead(f, now_us))
        connect_again(f);
    /* What is not sent now is asked again when no answer comes. */
    link_send(f->socket[ANSWERS], f->out.data, f->out.size);
}

static enum err poll_once(struct parbus_feed *f, int timeout_ms, struct err_text *e)
{
    bool unknown = feed_table_topic_unknown(f->table);
    ask(f);
    int64_t wait_us = us_until(feed_table_deadline_us(f->table), clock_mono_us());
    if (timeout_ms >= 0)
        wait_us = earlier_us(wait_us, (int64_t)timeout_ms * 1000);
    uint32_t ready = link_poll(f->socket, SOCKETS, -1, wait_us);
    for (int i = 0; i < SOCKETS; i++)
        if (ready >> i & 1)
            drain(f, i);
    ask(f);
    if (!unknown && feed_table_topic_unknown(f->table))
        return err_set(e, ERR_NOT_FOUND, "the publisher has no topic %s", f->topic);
    return OK;
}

enum parbus_err parbus_feed_poll(struct parbus_feed *f, int timeout_ms, struct parbus_err_text *e)
{
    return public_err(poll_once(f, timeout_ms, text_of(e)));
}

bool parbus_feed_ready(const struct parbus_feed *f) { return feed_table_ready(f->table); }

void parbus_feed_position(const struct parbus_feed *f, uint64_t *epoch, uint64_t *seq)
{
    feed_table_position(f->table, epoch, seq);
}

struct parbus_feed_counts parbus_feed_counts(const struct parbus_feed *f) { return *feed_table_counts(f->table); }

const struct parbus_table_header *parbus_feed_header(const struct parbus_feed *f)
{
    return feed_table_header(f->table);
}

void parbus_feed_each(const struct parbus_feed *f, bool (*fn)(void *ctx, const struct parbus_row *row), void *ctx)
{
    feed_table_each(f->table, fn, ctx);
}

bool parbus_feed_row(const struct parbus_feed *f, uint32_t unit, struct parbus_row *row)
{
    return feed_table_row(f->table, unit, row);
}
