/* A handler of ZAP (RFC 27) as a source of the reactor that also has the door: messages of several frames, in and out.
 */
#include "base/clock.h"
#include "reactor_world.h"
#include <stdio.h>
#include <string.h>

struct key_pair {
    uint8_t public_key[LINK_KEY_BYTES], secret_key[LINK_KEY_BYTES];
};

/* On a ROUTER: who asks, an empty frame, and then version, request, domain, address, identity, mechanism, key. */
enum { ASKER = 0, REQUEST = 3, DOMAIN = 4, KEY = 8, FRAMES = 9 };
enum { ZAP, DOOR, ROWS };

static struct key_pair server, friend_of_ours, stranger;
static struct link_security curve = {.mechanism = LINK_CURVE_SERVER, .zap_domain = "parbus"};
static char greeted[8][64];
static unsigned greetings, turned_away;
static void *client[4];
static unsigned clients;

static void draw(struct key_pair *k)
{
    char public_text[41], secret_text[41];
    cr_assert_eq(zmq_curve_keypair(public_text, secret_text), 0);
    cr_assert(zmq_z85_decode(k->public_key, public_text));
    cr_assert(zmq_z85_decode(k->secret_key, secret_text));
}

static bool holds(struct link_frames *m, unsigned frame, const void *data, size_t bytes)
{
    return zmq_msg_size(&m->frame[frame]) == bytes && memcmp(zmq_msg_data(&m->frame[frame]), data, bytes) == 0;
}

static struct link_piece piece(struct link_frames *m, unsigned frame)
{
    return (struct link_piece){zmq_msg_data(&m->frame[frame]), zmq_msg_size(&m->frame[frame])};
}

/* Whoever has our friend's key is "friend"; nobody else comes in. */
static void on_zap(void *ctx, unsigned source, struct link_frames *m, struct moment now)
{
    (void)ctx, (void)now;
    cr_assert_eq(m->count, FRAMES);
    cr_assert(holds(m, DOMAIN, "parbus", 6));
    bool known = holds(m, KEY, friend_of_ours.public_key, LINK_KEY_BYTES);
    turned_away += !known;
    struct link_piece reply[] = {
        piece(m, ASKER),           {"", 0}, {"1.0", 3}, piece(m, REQUEST), {known ? "200" : "400", 3}, {"", 0},
        {"friend", known ? 6 : 0}, {"", 0}};
    cr_assert_eq(reactor_send_frames(world.reactor, source, reply, sizeof reply / sizeof *reply), OK);
}

static void on_greeting(void *ctx, unsigned source, struct link_message *m, struct moment now)
{
    (void)ctx, (void)source, (void)now;
    cr_assert_lt(greetings, sizeof greeted / sizeof *greeted);
    snprintf(greeted[greetings++], sizeof *greeted, "%s: %.*s", m->peer.principal, (int)link_bytes(m),
             (const char *)link_data(m));
}

static void setup(void)
{
    static struct reactor_source rows[ROWS] = {[ZAP] = {.name = "zap",
                                                        .kind = REACTOR_SOCKET,
                                                        .type = ZMQ_ROUTER,
                                                        .endpoint = "inproc://zeromq.zap.01",
                                                        .options.hwm = 100,
                                                        .frames = on_zap,
                                                        .frames_max = FRAMES},
                                               [DOOR] = {.name = "door",
                                                         .kind = REACTOR_SOCKET,
                                                         .type = ZMQ_ROUTER,
                                                         .options = {.hwm = 100, .security = &curve},
                                                         .frame = on_greeting}};
    draw(&server), draw(&friend_of_ours), draw(&stranger);
    curve.secret_key = server.secret_key;
    world_open(rows, ROWS);
}

static void teardown(void)
{
    while (clients)
        link_close(&client[--clients]);
    world_close();
}

TestSuite(reactor_zap, .init = setup, .fini = teardown, .timeout = 60);

static void *connect_as(const struct key_pair *who, const char *greeting)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    const struct link_security security = {.mechanism = LINK_CURVE_CLIENT,
                                           .secret_key = who->secret_key,
                                           .public_key = who->public_key,
                                           .server_key = server.public_key};
    cr_assert_eq(link_endpoint(endpoint, world.directory, "door", &world.e), OK);
    cr_assert_eq(link_open(&client[clients], ZMQ_DEALER, LINK_CONNECT, endpoint,
                           &(struct link_options){.hwm = 10, .security = &security}, &world.e),
                 OK, "%s", world.e.text);
    cr_assert_eq(link_send(client[clients], greeting, strlen(greeting)), OK);
    return client[clients++];
}

Test(reactor_zap, the_accepted_are_named_with_each_of_their_messages)
{
    void *friend = connect_as(&friend_of_ours, "hello");
    WORLD_UNTIL(greetings == 1);
    cr_assert_eq(link_send(friend, "again", 5), OK);
    WORLD_UNTIL(greetings == 2);
    cr_assert_str_eq(greeted[0], "friend: hello");
    cr_assert_str_eq(greeted[1], "friend: again");
    cr_assert_eq(turned_away, 0);
}

Test(reactor_zap, who_is_refused_says_nothing_while_others_are_heard)
{
    connect_as(&stranger, "let me in");
    WORLD_UNTIL(turned_away);
    connect_as(&friend_of_ours, "hello");
    WORLD_UNTIL(greetings == 1);
    cr_assert_str_eq(greeted[0], "friend: hello");
}

/* ---- frames ---- */

static void send_frames(void *socket, unsigned count)
{
    struct link_piece piece[LINK_FRAMES_MAX + 4];
    for (unsigned i = 0; i < count; i++)
        piece[i] = (struct link_piece){"frame", 5};
    cr_assert_eq(link_send_frames(socket, piece, count), OK);
}

static unsigned heard_frames[LINK_FRAMES_MAX + 4], heard;

static void on_frames(void *ctx, unsigned source, struct link_frames *m, struct moment now)
{
    (void)ctx, (void)source, (void)now;
    size_t bytes = 0;
    for (unsigned i = 0; i < m->count; i++)
        bytes += zmq_msg_size(&m->frame[i]);
    cr_assert_eq(bytes, m->bytes);
    heard_frames[heard++] = m->count;
}

static void *open_pair(struct reactor_source row)
{
    unsigned source;
    row.name = "pair", row.kind = REACTOR_SOCKET, row.type = ZMQ_PULL, row.options.hwm = 100;
    cr_assert_eq(reactor_add(world.reactor, &row, &source, &world.e), OK, "%s", world.e.text);
    return world_peer(ZMQ_PUSH, LINK_CONNECT, "pair");
}

/* One to LINK_FRAMES_MAX + 4 frames come, and then two: those of so many and fewer are heard, the others counted. */
static void expect_at_most(unsigned frames, struct reactor_source row)
{
    uint64_t before = link_dropped();
    void *peer = open_pair(row);
    for (unsigned count = 1; count <= LINK_FRAMES_MAX + 4; count++)
        send_frames(peer, count);
    send_frames(peer, 2);
    WORLD_UNTIL(heard == frames + 1);
    for (unsigned i = 0; i < frames; i++)
        cr_assert_eq(heard_frames[i], i + 1);
    cr_assert_eq(heard_frames[frames], 2);
    cr_assert_eq(link_dropped(), before + LINK_FRAMES_MAX + 4 - frames);
}

Test(reactor_zap, what_has_too_many_frames_is_dropped_and_counted)
{
    expect_at_most(4, (struct reactor_source){.frames = on_frames, .frames_max = 4});
}

Test(reactor_zap, what_has_too_many_bytes_is_dropped_and_counted)
{
    expect_at_most(3, (struct reactor_source){.frames = on_frames, .frames_bytes_max = 15});
}

Test(reactor_zap, no_message_has_more_frames_than_there_is_room_for)
{
    expect_at_most(LINK_FRAMES_MAX, (struct reactor_source){.frames = on_frames});
}

Test(reactor_zap, a_source_of_single_frames_drops_and_counts_those_of_several)
{
    uint64_t before = link_dropped();
    void *peer = open_pair((struct reactor_source){.frame = on_greeting});
    for (unsigned count = 2; count < 10; count++)
        send_frames(peer, count);
    send_frames(peer, 1);
    WORLD_UNTIL(greetings == 1);
    cr_assert_str_eq(greeted[0], ": frame");
    cr_assert_eq(link_dropped(), before + 8);
}
