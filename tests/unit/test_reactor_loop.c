/* Time, the end, and other people's loops. */
#include "base/clock.h"
#include "base/deadline.h"
#include "reactor_world.h"
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

TestSuite(reactor_loop, .fini = world_close, .timeout = 60);

static struct moment first, last;
static int64_t gap_least_us = INT64_MAX;

static void take_time(struct moment now)
{
    if (world.ticks > 1)
        gap_least_us = earlier_us(gap_least_us, now.mono_us - last.mono_us);
    last = now;
    if (world.ticks == 40)
        reactor_end(world.reactor);
}

/* The least of many gaps: a busy machine is late now and then. */
Test(reactor_loop, a_deadline_below_a_millisecond_is_kept)
{
    world_open(NULL, 0);
    world.tick_in_us = 300;
    world.on_tick = take_time;
    cr_assert_eq(reactor_run(world.reactor, &world.e), OK);
    cr_assert_geq(gap_least_us, 300);
    cr_assert_lt(gap_least_us, 900);
}

Test(reactor_loop, why_it_ended_is_what_the_first_said)
{
    world_open(NULL, 0);
    cr_assert_eq(reactor_fail(world.reactor, ERR_PEER, "the %s one", "first"), ERR_PEER);
    reactor_fail(world.reactor, ERR_IO, "the second one");
    cr_assert_eq(reactor_run(world.reactor, &world.e), ERR_PEER);
    cr_assert_str_eq(world.e.text, "the first one");
    cr_assert_eq(world.ticks, 0);
}

/* ---- the stop signal ---- */

static int stop_fd[2];
static int stops;
static int64_t go_on_us;

static int64_t on_stop(void *ctx, struct moment now)
{
    cr_assert_eq(ctx, &world);
    stops++;
    first = now;
    return now.mono_us + go_on_us;
}

static void open_with_stop(int64_t (*stop)(void *ctx, struct moment now))
{
    cr_assert_eq(pipe(stop_fd), 0);
    world.options.stop_fd = stop_fd[0];
    world.options.hooks.stop = stop;
    world_open(NULL, 0);
    cr_assert_eq(write(stop_fd[1], "x", 1), 1);
}

Test(reactor_loop, told_to_stop_it_ticks_once_more_and_ends)
{
    open_with_stop(NULL);
    cr_assert_eq(reactor_run(world.reactor, &world.e), OK);
    cr_assert_eq(world.ticks, 1);
}

Test(reactor_loop, told_to_stop_it_goes_on_as_long_as_the_hook_says)
{
    go_on_us = 5000;
    open_with_stop(on_stop);
    world.on_tick = take_time;
    cr_assert_eq(reactor_run(world.reactor, &world.e), OK);
    cr_assert_eq(stops, 1);
    cr_assert_geq(last.mono_us, first.mono_us + 5000);
}

static void end_it(struct moment now)
{
    last = now;
    if (stops)
        reactor_end(world.reactor);
}

Test(reactor_loop, told_to_stop_it_ends_earlier_when_all_is_done)
{
    go_on_us = 3600ll * 1000000;
    open_with_stop(on_stop);
    world.on_tick = end_it;
    cr_assert_eq(reactor_run(world.reactor, &world.e), OK);
    cr_assert_eq(stops, 1);
}

/* ---- somebody else's loop ---- */

enum { BALLS = 3000 };

static struct reactor *other;
static unsigned echoed, came_back;

static void echo(void *ctx, unsigned source, struct peer from, const struct wire_message *m, struct moment now)
{
    (void)ctx, (void)now;
    cr_assert_eq(reactor_send(other, source, from.id, m->kind, m->message), OK);
    echoed++;
}

static bool throw_next;

static void caught(const struct heard *h)
{
    (void)h;
    world.heard_count = 0;
    came_back++;
    throw_next = true;
}

/* From tick, not from the message: so a send comes between the last look at the socket and the sleep. */
static void throw(struct moment now)
{
    (void)now;
    Parbus__SnapshotRequest m = PARBUS__SNAPSHOT_REQUEST__INIT;
    m.topic = "pci/2013";
    if (throw_next)
        cr_assert_eq(reactor_send(world.reactor, 0, 0, PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT, &m.base), OK);
    throw_next = false;
}

static void open_two(void)
{
    static const struct reactor_source bat = {.name = "court",
                                              .type = ZMQ_DEALER,
                                              .mode = LINK_CONNECT,
                                              .options.hwm = 100,
                                              .channel = &wire_to_snapshots},
                                       wall = {.name = "court",
                                               .type = ZMQ_ROUTER,
                                               .mode = LINK_BIND,
                                               .options.hwm = 100,
                                               .channel = &wire_to_snapshots};
    world_open(&bat, 1);
    world.on_message = caught;
    world.on_tick = throw;
    throw_next = true;
    struct reactor_options o = {.hooks = {.message = echo}, .sources = &wall, .count = 1, .directory = world.directory};
    cr_assert_eq(reactor_open(&other, &o, &world.e), OK, "%s", world.e.text);
}

static int ms_until(int64_t deadline_us, int64_t now_us)
{
    return (int)(us_until(earlier_us(deadline_us, now_us + WORLD_DEADLINE_US), now_us) + 999) / 1000;
}

Test(reactor_loop, two_reactors_in_a_poll_loop_miss_nothing)
{
    open_two();
    struct pollfd fd[] = {{.fd = reactor_descriptor(world.reactor), .events = POLLIN},
                          {.fd = reactor_descriptor(other), .events = POLLIN}};
    while (came_back < BALLS) {
        int64_t due_us = earlier_us(reactor_deadline(world.reactor), reactor_deadline(other));
        int ready = poll(fd, 2, ms_until(due_us, clock_mono_us()));
        cr_assert(ready > 0 || due_us < INT64_MAX, "stuck after %u", came_back);
        cr_assert(reactor_step(world.reactor, 0) && reactor_step(other, 0));
    }
    cr_assert_geq(echoed, BALLS);
    reactor_close(&other);
}

Test(reactor_loop, a_send_that_takes_the_news_of_a_message_away_does_not_hide_it)
{
    open_two();
    WORLD_UNTIL(!throw_next);
    for (int64_t end_us = clock_mono_us() + WORLD_DEADLINE_US; !echoed && clock_mono_us() < end_us;)
        reactor_step(other, clock_mono_us() + 1000);
    struct pollfd fd = {.fd = reactor_descriptor(world.reactor), .events = POLLIN};
    cr_assert_eq(poll(&fd, 1, WORLD_DEADLINE_US / 1000), 1);
    int64_t start_us = clock_mono_us();
    while (clock_mono_us() < start_us + 5000) /* while it sends, libzmq looks at most once in a millisecond or so */
        continue;
    cr_assert_eq(reactor_send_bytes(world.reactor, 0, 0, "x", 1), OK);
    cr_assert_eq(poll(&fd, 1, 0), 0, "it does tell: then this test shows nothing");
    cr_assert_leq(reactor_deadline(world.reactor), clock_mono_us());
    reactor_step(world.reactor, 0);
    cr_assert_eq(came_back, 1);
    reactor_close(&other);
}

Test(reactor_loop, a_reactor_fits_into_an_epoll_loop)
{
    open_two();
    int loop = epoll_create1(0);
    struct reactor *both[] = {world.reactor, other};
    for (uint32_t i = 0; i < 2; i++)
        epoll_ctl(loop, EPOLL_CTL_ADD, reactor_descriptor(both[i]),
                  &(struct epoll_event){.events = EPOLLIN, .data.u32 = i});
    while (came_back < BALLS) {
        struct epoll_event event[2];
        int64_t due_us = earlier_us(reactor_deadline(world.reactor), reactor_deadline(other));
        int count = epoll_wait(loop, event, 2, ms_until(due_us, clock_mono_us()));
        cr_assert(count > 0 || due_us < INT64_MAX, "stuck after %u", came_back);
        for (int i = 0; i < count; i++)
            reactor_step(both[event[i].data.u32], 0);
        for (int i = 0; i < 2; i++)
            if (reactor_deadline(both[i]) <= clock_mono_us())
                reactor_step(both[i], 0);
    }
    close(loop);
    reactor_close(&other);
}
