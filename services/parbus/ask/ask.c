#include "services/parbus/ask/ask.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "reactor/reactor.h"

enum { QUEUED_MAX = 16, LOOK_US = 50000, SOURCE_PEER = 0 };

struct asking {
    const struct ask *ask;
    struct reactor *reactor;
    struct buffer out;
    int64_t again_us, end_us;
    bool gone;
    enum err err;
};

static void end(struct asking *a, enum err err)
{
    a->err = err;
    reactor_end(a->reactor);
}

static void put(struct asking *a, int64_t now_us)
{
    buffer_clear(&a->out);
    a->ask->question(a->ask->ctx, &a->out);
    reactor_send_bytes(a->reactor, SOURCE_PEER, 0, a->out.data, a->out.size);
    a->again_us = a->ask->again_us ? now_us + a->ask->again_us : INT64_MAX;
}

static void on_frame(void *asking, unsigned source, struct link_message *m, struct moment now)
{
    (void)source;
    struct asking *a = asking;
    switch (a->ask->answer(a->ask->ctx, link_data(m), link_bytes(m))) {
    case ASK_OTHER:
        break;
    case ASK_NEXT:
        a->end_us = now.mono_us + a->ask->patience_us;
        put(a, now.mono_us);
        break;
    case ASK_DONE:
        end(a, OK);
        break;
    }
}

/* Who has gone may have answered before: what it sent is read once more. */
static int64_t tick(void *asking, struct moment now)
{
    struct asking *a = asking;
    if (a->gone)
        end(a, ERR_NOT_FOUND);
    else if (now.mono_us >= a->end_us)
        end(a, ERR_TIMEOUT);
    else if (now.mono_us >= a->again_us)
        put(a, now.mono_us);
    if (!a->ask->lives)
        return earlier_us(a->again_us, a->end_us);
    a->gone = !a->ask->lives(a->ask->ctx);
    return a->gone ? now.mono_us : earlier_us(earlier_us(a->again_us, a->end_us), now.mono_us + LOOK_US);
}

enum err ask_run(const struct ask *ask, struct err_text *e)
{
    struct asking a = {.ask = ask, .end_us = clock_mono_us() + ask->patience_us};
    const struct reactor_source peer = {.name = ask->to,
                                        .type = ZMQ_DEALER,
                                        .mode = LINK_CONNECT,
                                        .endpoint = ask->endpoint,
                                        .options = {.hwm = QUEUED_MAX, .security = ask->security},
                                        .frame = on_frame};
    const struct reactor_options options = {
        .hooks = {.ctx = &a, .tick = tick}, .sources = &peer, .count = 1, .directory = ask->directory};
    enum err err = reactor_open(&a.reactor, &options, e);
    if (!err)
        err = reactor_run(a.reactor, e);
    reactor_close(&a.reactor);
    buffer_free(&a.out);
    return err ? err : a.err;
}
