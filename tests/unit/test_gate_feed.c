/* Subscriptions behind the gate: libzmq 4.3.4 forgets whose they are when a connection ends or says what is none. */
#include "base/clock.h"
#include "gate/gate.h"
#include "reactor_world.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the services' own, which libzmq calls. */
int accept4(int fd, struct sockaddr *peer, socklen_t *bytes, int flags)
{
    int accepted = (int)syscall(SYS_accept4, fd, peer, bytes, flags);
    if (accepted >= 0)
        link_accepted(accepted);
    return accepted;
}

enum { FEED, GATE, ROWS };
enum { QUIET_US = 300000 };

static struct gate *gate;
static unsigned heard, allowed, gone, doubtful;
static struct link_place last;
static bool reading = true;
static struct link_message message;

static void on_frame(void *ctx, unsigned source, struct link_message *m, struct moment now)
{
    (void)ctx, (void)now;
    if (!m->peer.principal[0])
        return; /* what libzmq says of one that has ended */
    heard++;
    doubtful += m->doubtful;
    last = link_place(m);
    if (link_bytes(m) && memcmp(link_data(m), "\1no", 3) != 0 && *(const char *)link_data(m) <= 1)
        reactor_allow(world.reactor, source) ? gone++ : allowed++;
}

static bool is_read(void *ctx)
{
    (void)ctx;
    return reading;
}

static void setup(void)
{
    static struct reactor_source rows[ROWS] = {
        [FEED] = {.name = "feed", .type = ZMQ_XPUB, .mode = LINK_BIND, .frame = on_frame, .wanted = is_read}};
    rows[FEED].options = (struct link_options){.hwm = 1000, .asks = true, .security = &gate_local};
    gate = gate_new(&(struct gate_options){.directory = world.directory, .reactor = &world.reactor});
    rows[GATE] = gate_source(gate);
    world_open(rows, ROWS);
    link_message_init(&message);
}

static void teardown(void)
{
    link_message_close(&message);
    world_close();
    gate_destroy(&gate);
}

TestSuite(gate_feed, .init = setup, .fini = teardown, .timeout = 120);

static void settle(void)
{
    for (int64_t end_us = clock_mono_us() + QUIET_US; clock_mono_us() < end_us;)
        reactor_step(world.reactor, clock_mono_us() + 10000);
}

static bool gets(void *sub, const char *topic)
{
    reactor_publish(world.reactor, FEED, topic, "x", 1);
    for (int64_t end_us = clock_mono_us() + QUIET_US; clock_mono_us() < end_us;)
        if (link_receive(sub, ZMQ_SUB, &message) == OK)
            return strcmp(message.topic, topic) == 0;
        else
            reactor_step(world.reactor, clock_mono_us() + 10000);
    return false;
}

Test(gate_feed, nobody_gets_anything_that_was_not_allowed)
{
    void *sub = world_peer(ZMQ_SUB, LINK_CONNECT, "feed");
    cr_assert_eq(link_subscribe(sub, "no"), OK);
    cr_assert_eq(link_subscribe(sub, "yes"), OK);
    WORLD_UNTIL(heard == 2);
    cr_assert_eq(allowed, 1);
    cr_assert_not(gets(sub, "no"));
    cr_assert(gets(sub, "yes"));
    cr_assert_eq(link_unsubscribe(sub, "yes"), OK);
    WORLD_UNTIL(heard == 3);
    cr_assert_not(gets(sub, "yes"));
}

Test(gate_feed, a_place_is_open_as_long_as_its_connection_and_not_for_the_next_at_its_descriptor)
{
    void *sub = world_peer(ZMQ_SUB, LINK_CONNECT, "feed");
    cr_assert_eq(link_subscribe(sub, "yes"), OK);
    WORLD_UNTIL(heard == 1);
    const struct link_place first = last;
    cr_assert(link_place_open(first));
    cr_assert(link_place_cut(first));
    WORLD_UNTIL(!link_place_open(first));
    WORLD_UNTIL((link_receive(sub, ZMQ_SUB, &message), heard == 2)); /* it comes again by itself */
    cr_assert(link_place_open(last));
    cr_assert_not(link_place_open(first));
    cr_assert_not(link_place_cut(first));
    cr_assert(gets(sub, "yes"));
}

Test(gate_feed, a_descriptor_that_is_something_else_by_now_is_no_place)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    link_accepted(pair[0]);
    struct link_place place = {pair[0], link_accepted_count()};
    cr_assert(link_place_open(place));
    cr_assert_eq(dup2(pair[1], pair[0]), pair[0]);
    cr_assert_not(link_place_open(place));
    cr_assert_not(link_place_open((struct link_place){-1, place.since}));
    close(pair[0]), close(pair[1]);
}

Test(gate_feed, a_connection_is_cut_when_no_descriptor_is_left)
{
    int pair[2];
    char nothing;
    struct rlimit before, none;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    link_accepted(pair[0]);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool cut = link_place_cut((struct link_place){pair[0], link_accepted_count()});
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert(cut);
    cr_assert_eq(recv(pair[1], &nothing, 1, MSG_DONTWAIT), 0, "its other end is told");
    close(pair[0]), close(pair[1]);
}

Test(gate_feed, what_is_no_subscription_makes_doubtful_whose_the_next_ones_are)
{
    void *vandal = world_peer(ZMQ_XSUB, LINK_CONNECT, "feed"), *sub = world_peer(ZMQ_SUB, LINK_CONNECT, "feed");
    cr_assert_eq(zmq_send(vandal, "\1yes", 5, 0), 5);
    cr_assert_eq(link_subscribe(sub, "yes"), OK);
    WORLD_UNTIL(heard == 2);
    cr_assert_eq(doubtful, 0);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(zmq_send(vandal, "\7junk", 5, i % 2 ? ZMQ_SNDMORE : 0), 5);
        cr_assert_eq(zmq_send(vandal, "\1no", 4, 0), 4);
    }
    WORLD_UNTIL(heard == 102);
    cr_assert_gt(doubtful, 0);
    settle();
    unsigned before = allowed;
    cr_assert_eq(link_unsubscribe(sub, "yes"), OK);
    WORLD_UNTIL(heard == 103);
    cr_assert_eq(allowed, before + 1, "as soon as nothing waits it is sure again");
    cr_assert_not(gets(sub, "yes"));
}

/* Its connection is over before its subscription is read: libzmq has freed what it was to be written to. */
Test(gate_feed, who_is_gone_before_it_was_heard_is_not_allowed_and_nor_is_who_came_after_it)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    struct err_text e;
    void *sub;
    reading = false;
    cr_assert_eq(link_endpoint(endpoint, world.directory, "feed", &e), OK);
    cr_assert_eq(link_open(&sub, ZMQ_SUB, LINK_CONNECT, endpoint, &(struct link_options){.hwm = 10}, &e), OK);
    cr_assert_eq(link_subscribe(sub, "yes"), OK);
    settle();
    link_close(&sub);
    settle();
    void *other = world_peer(ZMQ_SUB, LINK_CONNECT, "feed");
    cr_assert_eq(link_subscribe(other, "no"), OK);
    settle();
    reading = true;
    reactor_due(world.reactor);
    WORLD_UNTIL(heard == 2);
    cr_assert_eq(allowed, 0);
    cr_assert_eq(gone, 1);
    cr_assert_not(gets(other, "yes"));
}

/* Each ends as soon as it has spoken; under AddressSanitizer whoever writes to what is gone is seen. */
Test(gate_feed, many_who_come_and_go_at_once_take_nobody_elses_place)
{
    void *sub = world_peer(ZMQ_SUB, LINK_CONNECT, "feed");
    cr_assert_eq(link_subscribe(sub, "yes"), OK);
    WORLD_UNTIL(heard == 1);
    for (int round = 0; round < 20; round++) {
        char endpoint[LINK_ENDPOINT_BYTES];
        struct err_text e;
        void *some[16];
        cr_assert_eq(link_endpoint(endpoint, world.directory, "feed", &e), OK);
        for (int i = 0; i < 16; i++) {
            cr_assert_eq(link_open(&some[i], ZMQ_SUB, LINK_CONNECT, endpoint, &(struct link_options){.hwm = 10}, &e),
                         OK);
            cr_assert_eq(link_subscribe(some[i], i % 2 ? "yes" : "no"), OK);
        }
        unsigned before = heard;
        WORLD_UNTIL(heard > before);
        for (int i = 0; i < 16; i++)
            link_close(&some[i]);
        reactor_publish(world.reactor, FEED, "yes", "x", 1);
    }
    settle();
    while (link_receive(sub, ZMQ_SUB, &message) == OK)
        cr_assert_str_eq(message.topic, "yes");
    cr_assert(gets(sub, "yes"));
}
