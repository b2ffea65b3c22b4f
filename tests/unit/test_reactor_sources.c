/* Sources: each in its turn and within its limits; they come and go. */
#include "base/clock.h"
#include "reactor_world.h"
#include <unistd.h>

TestSuite(reactor_sources, .fini = world_close, .timeout = 60);

enum { FLOODED, QUIET, MANY = 1000 };

static struct reactor_source rows[] = {
    [FLOODED] = {.name = "a", .type = ZMQ_PULL, .mode = LINK_BIND, .options.hwm = 10000, .channel = &wire_to_snapshots},
    [QUIET] = {.name = "b", .type = ZMQ_PULL, .mode = LINK_BIND, .options.hwm = 10000, .channel = &wire_to_snapshots},
};

static void *flood(unsigned count)
{
    void *push = world_peer(ZMQ_PUSH, LINK_CONNECT, "a");
    for (unsigned i = 0; i < count; i++)
        world_request(push, i);
    return push;
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/run/%s", world.directory, name);
    cr_assert_eq(unlink(path), 0, "%s", path);
}

static bool has_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/run/%s", world.directory, name);
    return access(path, F_OK) == 0;
}

Test(reactor_sources, a_socket_whose_file_was_removed_is_bound_again)
{
    world_open(rows, 2);
    void *before = world_peer(ZMQ_PUSH, LINK_CONNECT, "a");
    world_request(before, 1);
    WORLD_UNTIL(world.heard_count == 1);
    remove_file("a");
    WORLD_UNTIL(has_file("a"));
    world_request(before, 2);
    world_request(world_peer(ZMQ_PUSH, LINK_CONNECT, "a"), 3);
    WORLD_UNTIL(world.heard_count == 3);
    cr_expect(has_file("b"));
}

/* One turn at a time; returns what was heard in the first one that heard something. */
static unsigned heard_in_a_turn(void)
{
    world.heard_count = 0;
    WORLD_UNTIL(world.heard_count > 0);
    return world.heard_count;
}

Test(reactor_sources, a_turn_takes_so_many_messages_of_a_source)
{
    rows[FLOODED].limits.messages = 10;
    world_open(rows, 2);
    flood(MANY);
    for (unsigned all = 0; all < MANY; all += world.heard_count)
        cr_assert_leq(heard_in_a_turn(), 10);
}

Test(reactor_sources, a_turn_takes_so_many_bytes_of_a_source)
{
    rows[FLOODED].limits.bytes = 60; /* a request has 14 at least */
    world_open(rows, 2);
    flood(MANY);
    for (unsigned all = 0; all < MANY; all += world.heard_count)
        cr_assert_leq(heard_in_a_turn(), 5);
}

static void dawdle(const struct heard *h)
{
    while (clock_mono_us() < h->now.mono_us + 2000)
        continue;
}

Test(reactor_sources, a_turn_takes_so_much_time_for_a_source)
{
    rows[FLOODED].limits.us = 3000;
    world_open(rows, 2);
    world.on_message = dawdle;
    flood(50);
    for (unsigned all = 0; all < 50; all += world.heard_count)
        cr_assert_leq(heard_in_a_turn(), 3); /* at 0, 2 and 4 ms */
}

Test(reactor_sources, who_is_quiet_is_heard_between_those_who_are_not)
{
    rows[FLOODED].limits.messages = 10;
    world_open(rows, 2);
    world_request(world_peer(ZMQ_PUSH, LINK_CONNECT, "b"), MANY);
    flood(MANY);
    unsigned quiet_at = 0;
    WORLD_UNTIL(world.heard_count == MANY + 1);
    for (unsigned i = 0; i < world.heard_count; i++)
        if (world.heard[i].source == QUIET)
            quiet_at = i;
    cr_assert_leq(quiet_at, 100);
}

static bool open_now;
static bool is_open(void *ctx)
{
    (void)ctx;
    return open_now;
}

static unsigned turns;
static void count_turn(struct moment now) { (void)now, turns++; }

Test(reactor_sources, what_is_not_wanted_waits_and_keeps_nobody_busy)
{
    rows[FLOODED].wanted = is_open;
    world_open(rows, 2);
    world.on_tick = count_turn;
    flood(MANY);
    world_request(world_peer(ZMQ_PUSH, LINK_CONNECT, "b"), 1);
    WORLD_UNTIL(world.heard_count == 1);
    int64_t end_us = clock_mono_us() + 50000;
    turns = 0;
    while (clock_mono_us() < end_us)
        reactor_step(world.reactor, end_us);
    cr_assert_leq(turns, 10);
    cr_assert_eq(world.heard_count, 1);
    open_now = true;
    WORLD_UNTIL(world.heard_count == 1 + MANY);
}

/* ---- coming and going ---- */

Test(reactor_sources, a_source_that_was_added_is_heard_and_one_that_was_removed_is_not)
{
    unsigned added, again;
    world_open(&rows[QUIET], 1);
    cr_assert_eq(reactor_add(world.reactor, &rows[FLOODED], &added, &world.e), OK);
    cr_assert_eq(added, 1);
    void *push = flood(1);
    WORLD_UNTIL(world.heard_count == 1);
    cr_assert_eq(world.heard[0].source, added);
    reactor_remove(world.reactor, added);
    world_request(push, 2);
    world_request(world_peer(ZMQ_PUSH, LINK_CONNECT, "b"), 3);
    WORLD_UNTIL(world.heard_count == 2);
    cr_assert_eq(world.heard[1].request, 3);
    cr_assert_eq(reactor_add(world.reactor, &rows[FLOODED], &again, &world.e), OK);
    cr_assert_eq(again, added);
    world_request(world_peer(ZMQ_PUSH, LINK_CONNECT, "a"), 4);
    WORLD_UNTIL(world.heard[world.heard_count - 1].request == 4);
    cr_assert_eq(world.heard[world.heard_count - 1].source, again);
}

static void remove_it(const struct heard *h) { reactor_remove(world.reactor, h->source); }

Test(reactor_sources, a_source_may_be_removed_by_its_own_message)
{
    world_open(rows, 2);
    world.on_message = remove_it;
    flood(10);
    WORLD_UNTIL(world.heard_count == 1);
    world_request(world_peer(ZMQ_PUSH, LINK_CONNECT, "b"), 1);
    WORLD_UNTIL(world.heard_count == 2);
    cr_assert_eq(world.heard[1].source, QUIET);
}

static int pipe_fd[2];
static char read_there;

static void read_one(void *ctx, unsigned source, struct moment now)
{
    (void)now;
    cr_assert_eq(ctx, &world);
    cr_assert_eq(source, 2);
    cr_assert_eq(read(pipe_fd[0], &read_there, 1), 1);
}

Test(reactor_sources, a_descriptor_is_told_of)
{
    unsigned number;
    world_open(rows, 2);
    cr_assert_eq(pipe(pipe_fd), 0);
    struct reactor_source row = {.name = "pipe", .kind = REACTOR_DESCRIPTOR, .fd = pipe_fd[0], .ready = read_one};
    cr_assert_eq(reactor_add(world.reactor, &row, &number, &world.e), OK);
    reactor_step(world.reactor, 0);
    cr_assert_eq(read_there, 0);
    cr_assert_eq(write(pipe_fd[1], "x", 1), 1);
    WORLD_UNTIL(read_there == 'x');
    reactor_remove(world.reactor, number);
    close(pipe_fd[0]), close(pipe_fd[1]);
}

static struct moment rung[4];
static unsigned rings;

static int64_t ring(void *ctx, struct moment now)
{
    (void)ctx;
    rung[rings++] = now;
    return rings < 3 ? now.mono_us + 700 : INT64_MAX;
}

Test(reactor_sources, a_timer_rings_when_it_is_due_and_not_before)
{
    static const struct reactor_source timer[] = {{.name = "clock", .kind = REACTOR_TIMER, .due = ring}};
    world_open(timer, 1);
    WORLD_UNTIL(rings == 3);
    cr_assert_geq(rung[1].mono_us, rung[0].mono_us + 700);
    cr_assert_geq(rung[2].mono_us, rung[1].mono_us + 700);
    reactor_step(world.reactor, clock_mono_us() + 2000);
    cr_assert_eq(rings, 3);
    cr_assert_eq(reactor_deadline(world.reactor), INT64_MAX);
}
