#include "base/clock.h"
#include "link/link.h"
#include "wait_readable.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { DEADLINE_US = 10000000 };

static char directory[64];
static struct err_text e;
static struct link_message message;

static void setup(void)
{
    strcpy(directory, "/tmp/parbus-link-XXXXXX");
    cr_assert(mkdtemp(directory));
    char run[80];
    snprintf(run, sizeof run, "%s/run", directory);
    cr_assert_eq(mkdir(run, 0700), 0);
    link_message_init(&message);
}

static void teardown(void)
{
    char path[128];
    link_message_close(&message);
    link_shutdown();
    for (const char *const *name = (const char *const[]){"run/door", "run/feed", "run", "", NULL}; *name; name++) {
        snprintf(path, sizeof path, "%s/%s", directory, *name);
        remove(path);
    }
}

TestSuite(link, .init = setup, .fini = teardown, .timeout = 60);

static void *open_socket(int type, enum link_mode mode, const char *name, int hwm)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    void *socket;
    cr_assert_eq(link_endpoint(endpoint, directory, name, &e), OK, "%s", e.text);
    cr_assert_eq(link_open(&socket, type, mode, endpoint, &(struct link_options){.hwm = hwm}, &e), OK, "%s", e.text);
    return socket;
}

static enum err wait_message(void *socket, int type)
{
    int64_t deadline = clock_mono_us() + DEADLINE_US;
    enum err err = ERR_BUSY;
    for (int64_t now = clock_mono_us(); err == ERR_BUSY && now < deadline; now = clock_mono_us()) {
        wait_readable(socket, deadline - now);
        err = link_receive(socket, type, &message);
    }
    return err;
}

static void expect_message(void *socket, int type, const char *text)
{
    cr_assert_eq(wait_message(socket, type), OK);
    cr_assert_eq(link_bytes(&message), strlen(text));
    cr_assert_eq(memcmp(link_data(&message), text, strlen(text)), 0);
}

static void send_text(void *socket, const char *text) { cr_assert_eq(link_send(socket, text, strlen(text)), OK); }

Test(link, a_dealer_asks_and_the_router_answers_that_peer)
{
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 10);
    void *one = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10),
         *two = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10);
    send_text(one, "one");
    expect_message(router, ZMQ_ROUTER, "one");
    uint64_t first = message.peer.id;
    send_text(two, "two");
    expect_message(router, ZMQ_ROUTER, "two");
    cr_assert_neq(first, message.peer.id);
    cr_assert_eq(link_send_to(router, first, "answer", 6), OK);
    expect_message(one, ZMQ_DEALER, "answer");
    cr_assert_eq(link_receive(two, ZMQ_DEALER, &message), ERR_BUSY);
    link_close(&one), link_close(&two), link_close(&router);
}

Test(link, a_message_sent_before_the_peer_listens_arrives)
{
    void *dealer = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10);
    send_text(dealer, "early");
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 10);
    expect_message(router, ZMQ_ROUTER, "early");
    link_close(&dealer), link_close(&router);
}

Test(link, a_peer_that_is_gone_is_not_found)
{
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 10),
         *dealer = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10);
    send_text(dealer, "hello");
    expect_message(router, ZMQ_ROUTER, "hello");
    uint64_t gone = message.peer.id;
    link_close(&dealer);
    enum err err = OK;
    for (int64_t deadline = clock_mono_us() + DEADLINE_US; err != ERR_NOT_FOUND && clock_mono_us() < deadline;) {
        err = link_send_to(router, gone, "x", 1);
        link_receive(router, ZMQ_ROUTER, &message);
    }
    cr_assert_eq(err, ERR_NOT_FOUND);
    cr_assert_eq(link_send_to(router, 0x10102030405, "x", 1), ERR_NOT_FOUND);
    link_close(&router);
}

Test(link, a_full_peer_is_busy_and_others_are_not)
{
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 4);
    void *slow = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 4),
         *other = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 4);
    static char big[1 << 20];
    enum err err = OK;
    send_text(slow, "hello");
    expect_message(router, ZMQ_ROUTER, "hello");
    uint64_t full = message.peer.id;
    for (int i = 0; i < 1000 && err == OK; i++)
        err = link_send_to(router, full, big, sizeof big);
    cr_assert_eq(err, ERR_BUSY);
    send_text(other, "hello");
    expect_message(router, ZMQ_ROUTER, "hello");
    cr_assert_eq(link_send_to(router, message.peer.id, "fine", 4), OK);
    expect_message(other, ZMQ_DEALER, "fine");
    link_close(&slow), link_close(&other), link_close(&router);
}

Test(link, a_push_without_a_reader_is_busy_when_its_queue_is_full)
{
    void *push = open_socket(ZMQ_PUSH, LINK_CONNECT, "door", 3);
    for (int i = 0; i < 3; i++)
        send_text(push, "x");
    cr_assert_eq(link_send(push, "x", 1), ERR_BUSY);
    link_close(&push);
}

Test(link, a_topic_matches_as_a_whole)
{
    void *xpub = open_socket(ZMQ_XPUB, LINK_BIND, "feed", 10), *sub = open_socket(ZMQ_SUB, LINK_CONNECT, "feed", 10);
    cr_assert_eq(link_subscribe(sub, "pci/2013"), OK);
    cr_assert_eq(wait_message(xpub, ZMQ_XPUB), OK);
    cr_assert_eq(memcmp(link_data(&message), "\1pci/2013", link_bytes(&message)), 0);
    cr_assert_eq(link_publish(xpub, "pci/20131", "wrong", 5), OK);
    cr_assert_eq(link_publish(xpub, "pci/2013", "right", 5), OK);
    expect_message(sub, ZMQ_SUB, "right");
    cr_assert_str_eq(message.topic, "pci/2013");
    link_close(&sub), link_close(&xpub);
}

Test(link, messages_of_another_shape_are_dropped_and_counted)
{
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 10),
         *dealer = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10);
    uint64_t before = link_dropped();
    zmq_send(dealer, "two", 3, ZMQ_SNDMORE);
    zmq_send(dealer, "frames", 6, 0);
    send_text(dealer, "good");
    expect_message(router, ZMQ_ROUTER, "good");
    cr_assert_eq(link_dropped(), before + 1);
    link_close(&dealer), link_close(&router);
}

Test(link, a_peer_that_chose_a_long_name_is_dropped)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    void *context = zmq_ctx_new(), *dealer = zmq_socket(context, ZMQ_DEALER);
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 10);
    int zero = 0;
    uint64_t before = link_dropped();
    cr_assert_eq(link_endpoint(endpoint, directory, "door", &e), OK);
    zmq_setsockopt(dealer, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(dealer, ZMQ_ROUTING_ID, "somebody-else", 13);
    cr_assert_eq(zmq_connect(dealer, endpoint), 0);
    send_text(dealer, "hello");
    wait_readable(router, DEADLINE_US);
    cr_assert_eq(link_receive(router, ZMQ_ROUTER, &message), ERR_BUSY);
    cr_assert_eq(link_dropped(), before + 1);
    link_close(&dealer), link_close(&router);
    zmq_ctx_term(context);
}

Test(link, a_message_beyond_the_limit_never_arrives)
{
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 10);
    void *rude = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10),
         *polite = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10);
    size_t bytes = WIRE_MESSAGE_BYTES_MAX + 1;
    char *big = calloc(1, bytes);
    cr_assert_eq(link_send(rude, big, bytes), OK);
    send_text(polite, "hello");
    expect_message(router, ZMQ_ROUTER, "hello");
    cr_assert_eq(link_send(polite, big, bytes - 1), OK);
    cr_assert_eq(wait_message(router, ZMQ_ROUTER), OK);
    cr_assert_eq(link_bytes(&message), bytes - 1);
    free(big);
    link_close(&rude), link_close(&polite), link_close(&router);
}

/* Connected, and silent. */
static int stranger(void)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof where.sun_path, "%s/run/door", directory);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert(fd >= 0 && connect(fd, (const struct sockaddr *)&where, sizeof where) == 0);
    return fd;
}

/* When the other end closed it. */
static int64_t closed_us(int fd)
{
    char byte;
    while (read(fd, &byte, 1) > 0)
        continue;
    close(fd);
    return clock_mono_us();
}

Test(link, who_does_not_say_who_he_is_in_time_is_closed_and_not_before)
{
    enum { HANDSHAKE_MS = 200 };
    char endpoint[LINK_ENDPOINT_BYTES];
    void *router;
    cr_assert_eq(link_endpoint(endpoint, directory, "door", &e), OK);
    const struct link_options options = {.hwm = 10, .handshake_ms = HANDSHAKE_MS};
    cr_assert_eq(link_open(&router, ZMQ_ROUTER, LINK_BIND, endpoint, &options, &e), OK, "%s", e.text);
    void *dealer = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 10);
    send_text(dealer, "hello");
    expect_message(router, ZMQ_ROUTER, "hello");
    int64_t from_us = clock_mono_us();
    int silent = stranger();
    cr_assert_geq(closed_us(silent), from_us + (HANDSHAKE_MS - 1) * 1000);
    send_text(dealer, "again");
    expect_message(router, ZMQ_ROUTER, "again");
    link_close(&dealer), link_close(&router);
}

Test(link, a_path_too_long_for_a_socket_is_explained)
{
    char endpoint[LINK_ENDPOINT_BYTES], longest[700];
    void *socket;
    memset(longest, 'x', sizeof longest);
    longest[0] = '/', longest[120] = 0;
    cr_assert_eq(link_endpoint(endpoint, longest, "door", &e), ERR_TOO_LARGE);
    cr_assert(strstr(e.text, "shorter path"), "%s", e.text);
    longest[120] = 'x', longest[699] = 0;
    cr_assert_eq(link_endpoint(endpoint, longest, "door", &e), ERR_TOO_LARGE);
    snprintf(endpoint, sizeof endpoint, "ipc://%.200s", longest);
    cr_assert_eq(link_open(&socket, ZMQ_PULL, LINK_BIND, endpoint, &(struct link_options){.hwm = 1}, &e),
                 ERR_TOO_LARGE);
    cr_assert_null(socket);
}

Test(link, an_endpoint_that_cannot_be_had_says_why)
{
    void *socket;
    cr_assert_eq(link_open(&socket, ZMQ_PULL, LINK_BIND, "ipc:///nowhere/at/all", &(struct link_options){.hwm = 1}, &e),
                 ERR_IO);
    cr_assert(strstr(e.text, "listen on ipc:///nowhere/at/all: "), "%s", e.text);
    cr_assert_null(socket);
}

Test(link, a_socket_file_left_behind_is_replaced)
{
    char path[128];
    snprintf(path, sizeof path, "%s/run/door", directory);
    cr_assert(fclose(fopen(path, "w")) == 0);
    void *pull = open_socket(ZMQ_PULL, LINK_BIND, "door", 10), *push = open_socket(ZMQ_PUSH, LINK_CONNECT, "door", 10);
    send_text(push, "x");
    expect_message(pull, ZMQ_PULL, "x");
    link_close(&pull), link_close(&push);
}

Test(link, a_peer_that_does_not_read_is_sent_so_many_messages_and_no_more)
{
    enum { SENT_MAX = 4 };
    static char large[1 << 20];
    char endpoint[LINK_ENDPOINT_BYTES];
    void *router, *dealer;
    cr_assert_eq(link_endpoint(endpoint, directory, "door", &e), OK);
    cr_assert_eq(link_open(&router, ZMQ_ROUTER, LINK_BIND, endpoint,
                           &(struct link_options){.hwm = 1000, .sent_max = SENT_MAX}, &e),
                 OK, "%s", e.text);
    dealer = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 1);
    send_text(dealer, "x");
    expect_message(router, ZMQ_ROUTER, "x");
    size_t sent = 0;
    while (sent < 100 && link_send_to(router, message.peer.id, large, sizeof large) == OK)
        sent++;
    cr_assert(sent >= SENT_MAX && sent < 4 * SENT_MAX, "%zu", sent);
    link_close(&dealer), link_close(&router);
}

Test(link, a_peer_that_does_not_read_is_sent_so_many_bytes_and_no_more)
{
    enum { LARGE_BYTES = 1 << 20, WAITING_MAX = 3 << 20, IN_ALL_MAX = 12 };
    static char large[LARGE_BYTES];
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 1000);
    void *slow = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 1),
         *other = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 1);
    send_text(slow, "x");
    expect_message(router, ZMQ_ROUTER, "x");
    uint64_t full = message.peer.id;
    int sent = 0;
    while (sent < 100 && link_send_to_within(router, full, large, sizeof large, WAITING_MAX) == OK)
        sent++;
    cr_assert(sent > WAITING_MAX / LARGE_BYTES && sent <= IN_ALL_MAX, "%d", sent);
    send_text(other, "x");
    expect_message(router, ZMQ_ROUTER, "x");
    cr_assert_eq(link_send_to_within(router, message.peer.id, "fine", 4, 0), OK);
    expect_message(other, ZMQ_DEALER, "fine");
    for (; sent > 0; sent--)
        cr_assert_eq(wait_message(slow, ZMQ_DEALER), OK);
    enum err err = ERR_BUSY;
    for (int64_t end = clock_mono_us() + DEADLINE_US; err == ERR_BUSY && clock_mono_us() < end;)
        err = link_send_to_within(router, full, "again", 5, 0);
    cr_assert_eq(err, OK, "what was read waits no more");
    expect_message(slow, ZMQ_DEALER, "again");
    link_close(&slow), link_close(&other), link_close(&router);
}

/* Its connection takes them along. */
Test(link, bytes_of_a_peer_that_is_gone_wait_no_more)
{
    static char large[1 << 20];
    void *router = open_socket(ZMQ_ROUTER, LINK_BIND, "door", 1000);
    for (int i = 0; i < 3; i++) {
        void *slow = open_socket(ZMQ_DEALER, LINK_CONNECT, "door", 1);
        send_text(slow, "x");
        expect_message(router, ZMQ_ROUTER, "x");
        while (link_send_to_within(router, message.peer.id, large, sizeof large, 3 << 20) == OK)
            continue;
        link_close(&slow);
    }
    link_close(&router); /* what still waits is a leak, or is freed while it is sent */
}

Test(link, who_subscribes_to_too_much_can_be_cut_off)
{
    void *xpub = open_socket(ZMQ_XPUB, LINK_BIND, "feed", 10), *sub = open_socket(ZMQ_SUB, LINK_CONNECT, "feed", 10);
    cr_assert_eq(link_subscribe(sub, "one"), OK);
    cr_assert_eq(wait_message(xpub, ZMQ_XPUB), OK);
    cr_assert_eq(memcmp(link_data(&message), "\1one", 5), 0);
    link_cut(&message);
    cr_assert_eq(wait_message(xpub, ZMQ_XPUB), OK, "the subscription goes with the connection");
    cr_assert_eq(memcmp(link_data(&message), "\0one", 5), 0);
    enum err err = ERR_BUSY;
    for (int64_t end = clock_mono_us() + DEADLINE_US; err == ERR_BUSY && clock_mono_us() < end;) {
        wait_readable(xpub, 1000);
        link_receive(sub, ZMQ_SUB, &message); /* it comes again by itself, when it is used */
        err = link_receive(xpub, ZMQ_XPUB, &message);
    }
    cr_assert_eq(err, OK);
    cr_assert_eq(memcmp(link_data(&message), "\1one", 5), 0);
    link_close(&sub), link_close(&xpub);
}
