#include "services/parbus/ask/await.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "reactor/reactor.h"

struct awaiting {
    bool (*is_so)(void *ctx);
    void *ctx;
    struct reactor *reactor;
    int64_t every_us, end_us;
    bool came;
};

static int64_t look(void *awaiting, struct moment now)
{
    struct awaiting *a = awaiting;
    a->came = a->is_so(a->ctx);
    if (a->came || now.mono_us >= a->end_us)
        reactor_end(a->reactor);
    return earlier_us(now.mono_us + a->every_us, a->end_us);
}

bool await(bool (*is_so)(void *ctx), void *ctx, int every_ms, int most_ms)
{
    struct awaiting a = {is_so, ctx, NULL, every_ms * 1000ll, clock_mono_us() + most_ms * 1000ll, false};
    const struct reactor_source looks = {.name = "looks", .kind = REACTOR_TIMER, .ctx = &a, .due = look};
    const struct reactor_options options = {.sources = &looks, .count = 1};
    if (reactor_open(&a.reactor, &options, NULL) == OK)
        reactor_run(a.reactor, NULL);
    reactor_close(&a.reactor);
    return a.came;
}
