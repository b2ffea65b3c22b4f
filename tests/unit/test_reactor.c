/* What comes in and goes out. */
#include "base/clock.h"
#include "reactor_world.h"
#include "wait_readable.h"
#include <string.h>

TestSuite(reactor, .fini = world_close, .timeout = 60);

static const struct reactor_source door[] = {
    {.name = "door", .type = ZMQ_ROUTER, .mode = LINK_BIND, .options.hwm = 10000, .channel = &wire_to_snapshots}};

static struct link_message answer;

static enum err receive(void *socket, int type)
{
    enum err err = ERR_BUSY;
    if (!answer.open)
        link_message_init(&answer);
    for (int64_t end = clock_mono_us() + WORLD_DEADLINE_US; err == ERR_BUSY && clock_mono_us() < end;) {
        wait_readable(socket, 10000);
        err = link_receive(socket, type, &answer);
    }
    return err;
}

Test(reactor, a_message_comes_decoded_with_its_peer_and_the_time)
{
    world_open(door, 1);
    world_request(world_peer(ZMQ_DEALER, LINK_CONNECT, "door"), 7);
    struct moment before = clock_moment();
    WORLD_UNTIL(world.heard_count == 1);
    const struct heard *h = &world.heard[0];
    cr_assert_eq(h->source, 0);
    cr_assert_eq(h->err, OK);
    cr_assert_str_eq(h->why, "");
    cr_assert_eq(h->kind, PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT);
    cr_assert_eq(h->request, 7);
    cr_assert_neq(h->peer.id, 0);
    cr_assert(h->now.mono_us >= before.mono_us && h->now.mono_us <= clock_mono_us());
    cr_assert(h->now.wall_ms >= before.wall_ms && h->now.wall_ms <= clock_wall_ms());
}

Test(reactor, what_cannot_be_read_comes_by_the_same_door_and_says_why)
{
    world_open(door, 1);
    void *peer = world_peer(ZMQ_DEALER, LINK_CONNECT, "door");
    cr_assert_eq(link_send(peer, "\x9a\x06\x00", 3), OK);
    world_request(peer, 1);
    WORLD_UNTIL(world.heard_count == 2);
    cr_assert_eq(world.heard[0].err, ERR_INVALID);
    cr_assert_str_eq(world.heard[0].why, "ToSnapshots: unknown kind of message 99");
    cr_assert_eq(world.heard[1].peer.id, world.heard[0].peer.id);
}

static void give_back(const struct heard *h)
{
    Parbus__Topics topics = PARBUS__TOPICS__INIT;
    cr_assert_eq(reactor_send(world.reactor, h->source, h->peer.id, PARBUS__FROM_SNAPSHOTS__BODY_TOPICS, &topics.base),
                 OK);
}

Test(reactor, an_answer_goes_to_the_one_who_asked)
{
    world_open(door, 1);
    world.on_message = give_back;
    void *one = world_peer(ZMQ_DEALER, LINK_CONNECT, "door"), *other = world_peer(ZMQ_DEALER, LINK_CONNECT, "door");
    world_request(one, 1);
    WORLD_UNTIL(world.heard_count == 1);
    cr_assert_eq(receive(one, ZMQ_DEALER), OK);
    cr_assert_eq(link_receive(other, ZMQ_DEALER, &answer), ERR_BUSY);
    cr_assert_eq(reactor_send_bytes(world.reactor, 0, 0x10102030405, "x", 1), ERR_NOT_FOUND);
    link_message_close(&answer);
}

/* The limit in bytes is for what is large: what is small is sent all the same. */
Test(reactor, who_does_not_read_is_sent_so_many_bytes_and_no_more)
{
    enum { LARGE_BYTES = 1 << 20 };
    static char large[LARGE_BYTES];
    struct reactor_source bounded = door[0];
    bounded.small_bytes = 100;
    bounded.waiting_bytes_max = 3 << 20;
    world_open(&bounded, 1);
    world_request(world_peer(ZMQ_DEALER, LINK_CONNECT, "door"), 1);
    WORLD_UNTIL(world.heard_count == 1);
    uint64_t peer = world.heard[0].peer.id;
    int sent = 0;
    for (; sent < 5000; sent++)
        if (reactor_send_bytes(world.reactor, 0, peer, large, sizeof large) != OK)
            break;
    cr_assert_lt(sent, 5000);
    cr_assert_eq(reactor_send_bytes(world.reactor, 0, peer, large, sizeof large), ERR_BUSY);
    cr_assert_eq(reactor_send_bytes(world.reactor, 0, peer, large, 100), OK);
}

static void frame(void *ctx, unsigned source, struct link_message *m, struct moment now)
{
    (void)source, (void)now;
    cr_assert_eq(link_bytes(m), 4);
    memcpy(ctx, link_data(m), 4);
}

Test(reactor, a_source_without_a_channel_gets_the_bytes)
{
    static char got[5];
    static const struct reactor_source raw[] = {
        {.name = "scores", .type = ZMQ_PULL, .mode = LINK_BIND, .options.hwm = 10, .frame = frame, .ctx = got}};
    world_open(raw, 1);
    cr_assert_eq(link_send(world_peer(ZMQ_PUSH, LINK_CONNECT, "scores"), "raw!", 4), OK);
    WORLD_UNTIL(got[0]);
    cr_assert_str_eq(got, "raw!");
}

Test(reactor, what_is_published_reaches_who_subscribed)
{
    static const struct reactor_source feed[] = {
        {.name = "feed", .type = ZMQ_XPUB, .mode = LINK_BIND, .options.hwm = 10, .frame = frame}};
    static char subscribed[5];
    struct reactor_source row = feed[0];
    row.ctx = subscribed;
    world_open(&row, 1);
    void *sub = world_peer(ZMQ_SUB, LINK_CONNECT, "feed");
    cr_assert_eq(link_subscribe(sub, "a/"), OK);
    WORLD_UNTIL(subscribed[0]);
    cr_assert_eq(reactor_publish(world.reactor, 0, "a/", "event", 5), OK);
    cr_assert_eq(receive(sub, ZMQ_SUB), OK);
    cr_assert_str_eq(answer.topic, "a/");
    link_message_close(&answer);
}

Test(reactor, a_source_that_cannot_be_opened_is_named)
{
    static const struct reactor_source bad[] = {
        {.name = "door", .type = ZMQ_PULL, .mode = LINK_BIND, .endpoint = "ipc:///nowhere/at/all", .options.hwm = 1}};
    struct reactor_options o = {.sources = bad, .count = 1};
    struct reactor *r;
    cr_assert_eq(reactor_open(&r, &o, &world.e), ERR_IO);
    cr_assert(strstr(world.e.text, "door: listen on ipc:///nowhere/at/all: ") == world.e.text, "%s", world.e.text);
    cr_assert_null(r);
}

/* Sockets do not wait for what they have not sent, except for a moment where they are told to. */
Test(reactor, last_words_are_heard)
{
    static const struct reactor_source rows[] = {
        {.name = "work", .type = ZMQ_DEALER, .mode = LINK_CONNECT, .options.hwm = 10, .last_words_ms = 5000}};
    world_open(rows, 1);
    void *pull = world_peer(ZMQ_ROUTER, LINK_BIND, "work");
    cr_assert_eq(reactor_send_bytes(world.reactor, 0, 0, "bye", 3), OK);
    reactor_close(&world.reactor);
    cr_assert_eq(receive(pull, ZMQ_ROUTER), OK);
    link_message_close(&answer);
}
