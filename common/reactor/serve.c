#include "base/clock.h"
#include "reactor/internal.h"

struct moment reactor_now(const struct reactor *r)
{
    int64_t mono_us = clock_mono_us();
    return (struct moment){mono_us, r->turn.wall_ms + (mono_us - r->turn.mono_us) / 1000};
}

static void deliver(struct reactor *r, const struct source *s, unsigned number, struct moment now)
{
    struct wire_message m;
    struct err_text e;
    if (s->row.frames) {
        s->row.frames(source_ctx(r, s), number, &r->frames, now);
        return;
    }
    if (r->hooks.admits && !r->hooks.admits(r->hooks.admits_ctx, number, &r->message, now))
        return;
    if (s->row.frame) {
        s->row.frame(source_ctx(r, s), number, &r->message, now);
        return;
    }
    arena_reset(&r->arena);
    wire_open(s->row.channel, link_data(&r->message), link_bytes(&r->message), &r->arena, &m, &e);
    r->hooks.message(r->hooks.ctx, number, r->message.peer, &m, now);
}

/* What a source may still take in this turn. */
struct allowance {
    unsigned messages;
    size_t bytes;
    int64_t end_us;
};

static struct allowance allowance_of(const struct reactor_limits *l, int64_t now_us)
{
    return (struct allowance){
        .messages = l->messages ? l->messages : REACTOR_MESSAGES_MAX,
        .bytes = l->bytes ? l->bytes : REACTOR_BYTES_MAX,
        .end_us = now_us + (l->us ? l->us : REACTOR_US_MAX),
    };
}

/* Returns whether there is any left. */
static bool use_up(struct allowance *a, size_t bytes, int64_t now_us)
{
    a->messages--;
    a->bytes -= bytes < a->bytes ? bytes : a->bytes;
    return a->messages && a->bytes && now_us < a->end_us;
}

/* libzmq 4.3.4 keeps whose the subscriptions are in one queue and what they are in another; what is no subscription is
 * in the second alone, and from there on the two do not go together until both are empty. */
static void note_torn(struct reactor *r, struct source *s)
{
    const uint8_t *frame = link_data(&r->message);
    s->torn = s->torn || !link_bytes(&r->message) || frame[0] > 1;
    r->message.doubtful = s->torn;
}

static enum err receive(struct reactor *r, struct source *s, size_t *bytes)
{
    const struct reactor_source *row = &s->row;
    unsigned frames_max = row->frames_max ? row->frames_max : LINK_FRAMES_MAX;
    size_t bytes_max = row->frames_bytes_max ? row->frames_bytes_max : REACTOR_FRAMES_BYTES_MAX;
    enum err err = row->frames ? link_receive_frames(s->socket, &r->frames, frames_max, bytes_max)
                               : link_receive(s->socket, row->type, &r->message);
    if (!err && row->type == ZMQ_XPUB)
        note_torn(r, s);
    if (!err)
        *bytes = row->frames ? r->frames.bytes : link_bytes(&r->message);
    return err;
}

/* Returns whether there may be more, and it may be taken now. */
static bool take_one(struct reactor *r, struct source *s, unsigned number, struct allowance *left)
{
    size_t bytes = 0;
    enum err err = receive(r, s, &bytes);
    if (err == ERR_INVALID)
        return false; /* rubbish; the others first */
    if (err) {
        s->ready = s->touched = s->torn = false;
        return false;
    }
    struct moment now = reactor_now(r);
    deliver(r, s, number, now);
    return !s->removed && !r->ended && use_up(left, bytes, now.mono_us);
}

static void serve_socket(struct reactor *r, struct source *s, unsigned number)
{
    struct allowance left = allowance_of(&s->row.limits, reactor_now(r).mono_us);
    while (source_wanted(r, s) && take_one(r, s, number, &left))
        continue;
}

static void serve_descriptor(struct reactor *r, struct source *s, unsigned number)
{
    s->ready = false;
    s->row.ready(source_ctx(r, s), number, reactor_now(r));
}

static void serve_timer(struct reactor *r, struct source *s)
{
    struct moment now = reactor_now(r);
    if (now.mono_us >= s->due_us)
        s->due_us = s->row.due(source_ctx(r, s), now);
}

void source_serve(struct reactor *r, unsigned number)
{
    struct source *s = r->source[number];
    if (!s || s->removed)
        return;
    if (s->row.kind == REACTOR_TIMER)
        serve_timer(r, s);
    else if (s->ready && s->socket)
        serve_socket(r, s, number);
    else if (s->ready)
        serve_descriptor(r, s, number);
}
