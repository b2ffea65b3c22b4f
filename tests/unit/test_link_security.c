#include "base/clock.h"
#include "link/link.h"
#include "wait_readable.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { DEADLINE_US = 10000000, QUIET_US = 300000 };

struct key_pair {
    uint8_t public_key[LINK_KEY_BYTES], secret_key[LINK_KEY_BYTES];
};

static struct key_pair server, friend_of_ours, stranger;
static char directory[64], endpoint[LINK_ENDPOINT_BYTES];
static struct link_message message;
static struct err_text e;
static void *zap, *door, *client;
static int strangers; /* that were turned away */

static void draw(struct key_pair *k)
{
    char public_text[41], secret_text[41];
    cr_assert_eq(zmq_curve_keypair(public_text, secret_text), 0);
    cr_assert(zmq_z85_decode(k->public_key, public_text));
    cr_assert(zmq_z85_decode(k->secret_key, secret_text));
}

static void setup(void)
{
    char run[80];
    strcpy(directory, "/tmp/parbus-link-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(run, sizeof run, "%s/run", directory);
    cr_assert_eq(mkdir(run, 0700), 0);
    cr_assert_eq(link_endpoint(endpoint, directory, "door", &e), OK, "%s", e.text);
    link_message_init(&message);
    draw(&server), draw(&friend_of_ours), draw(&stranger);
}

static void teardown(void)
{
    char path[128];
    link_close(&client), link_close(&door), link_close(&zap);
    link_message_close(&message);
    link_shutdown();
    for (const char *const *name = (const char *const[]){"run/door", "run", "", NULL}; *name; name++) {
        snprintf(path, sizeof path, "%s/%s", directory, *name);
        remove(path);
    }
}

TestSuite(link_security, .init = setup, .fini = teardown, .timeout = 60);

static void open_zap(void)
{
    cr_assert_eq(link_open(&zap, ZMQ_REP, LINK_BIND, "inproc://zeromq.zap.01", &(struct link_options){.hwm = 100}, &e),
                 OK, "%s", e.text);
}

static void open_door(const struct link_security *security)
{
    struct link_options o = {.hwm = 10, .security = security};
    cr_assert_eq(link_open(&door, ZMQ_ROUTER, LINK_BIND, endpoint, &o, &e), OK, "%s", e.text);
}

static void open_curve_door(void)
{
    open_door(&(struct link_security){
        .mechanism = LINK_CURVE_SERVER, .secret_key = server.secret_key, .zap_domain = "parbus"});
}

static void open_client(const struct link_security *security)
{
    struct link_options o = {.hwm = 10, .security = security};
    cr_assert_eq(link_open(&client, ZMQ_DEALER, LINK_CONNECT, endpoint, &o, &e), OK, "%s", e.text);
    cr_assert_eq(link_send(client, "hello", 5), OK);
}

static void connect_as(const struct key_pair *who)
{
    open_client(&(struct link_security){.mechanism = LINK_CURVE_CLIENT,
                                        .secret_key = who->secret_key,
                                        .public_key = who->public_key,
                                        .server_key = server.public_key});
}

/* RFC 27: version, request, domain, address, identity, mechanism, key. */
enum { REQUEST = 1, DOMAIN = 2, KEY = 6, FRAMES = 7, FRAME_BYTES_MAX = 64 };

static int take_frames(char frame[static FRAMES][FRAME_BYTES_MAX])
{
    int count = 0, more = 1;
    for (size_t bytes = sizeof more; more; count++) {
        if (zmq_recv(zap, frame[count < FRAMES ? count : FRAMES - 1], FRAME_BYTES_MAX, ZMQ_DONTWAIT) < 0)
            return 0;
        zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &bytes);
    }
    return count;
}

/* Whoever has our friend's key is "friend"; nobody else comes in. */
static void answer_zap(void)
{
    static char frame[FRAMES][FRAME_BYTES_MAX];
    memset(frame, 0, sizeof frame);
    if (!zap || take_frames(frame) != FRAMES)
        return;
    bool known = memcmp(frame[KEY], friend_of_ours.public_key, LINK_KEY_BYTES) == 0;
    strangers += !known;
    cr_assert_str_eq(frame[DOMAIN], "parbus");
    const char *const reply[] = {"1.0", frame[REQUEST], known ? "200" : "400", "", known ? "friend" : "", ""};
    for (int i = 0; i < 6; i++)
        zmq_send(zap, reply[i], strlen(reply[i]), i < 5 ? ZMQ_SNDMORE : 0);
}

static enum err wait_at_the_door(int64_t us)
{
    enum err err = ERR_BUSY;
    for (int64_t end = clock_mono_us() + us; err == ERR_BUSY && clock_mono_us() < end;) {
        wait_readable(door, 1000);
        answer_zap();
        err = link_receive(door, ZMQ_ROUTER, &message);
    }
    return err;
}

Test(link_security, the_one_whose_key_is_known_is_named_with_each_message)
{
    open_zap(), open_curve_door(), connect_as(&friend_of_ours);
    cr_assert_eq(wait_at_the_door(DEADLINE_US), OK);
    cr_assert_str_eq(message.peer.principal, "friend");
    cr_assert_eq(link_send(client, "again", 5), OK);
    cr_assert_eq(wait_at_the_door(DEADLINE_US), OK);
    cr_assert_str_eq(message.peer.principal, "friend");
}

Test(link_security, a_key_that_nobody_knows_does_not_come_in)
{
    open_zap(), open_curve_door(), connect_as(&stranger);
    void *refused = client;
    for (int64_t end = clock_mono_us() + DEADLINE_US; !strangers && clock_mono_us() < end;)
        cr_assert_eq(wait_at_the_door(10000), ERR_BUSY);
    cr_assert(strangers);
    connect_as(&friend_of_ours);
    cr_assert_eq(wait_at_the_door(DEADLINE_US), OK);
    cr_assert_str_eq(message.peer.principal, "friend");
    link_close(&refused);
}

Test(link_security, without_a_handler_nobody_comes_in)
{
    open_curve_door(), connect_as(&friend_of_ours);
    cr_assert_eq(wait_at_the_door(QUIET_US), ERR_BUSY);
}

Test(link_security, who_does_not_encrypt_does_not_come_in)
{
    open_zap(), open_curve_door(), open_client(NULL);
    cr_assert_eq(wait_at_the_door(QUIET_US), ERR_BUSY);
}

Test(link_security, without_security_nobody_is_named)
{
    open_door(NULL), open_client(NULL);
    cr_assert_eq(wait_at_the_door(DEADLINE_US), OK);
    cr_assert_str_eq(message.peer.principal, "");
}

/* ZMTP 3.0 by hand: greeting, READY with two properties, one message. */
static int send_raw(void)
{
    static const uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [12] = 'N', 'U', 'L', 'L'};
    static const char ready[] = "\x04\x2c\x05READY\x0bSocket-Type\0\0\0\x06"
                                "DEALER\x07User-Id\0\0\0\x04root";
    static const char hello[] = "\0\x05hello";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s/run/door", directory);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    cr_assert_eq(write(fd, greeting, sizeof greeting), (ssize_t)sizeof greeting);
    cr_assert_eq(write(fd, ready, sizeof ready - 1), (ssize_t)sizeof ready - 1);
    uint8_t theirs[sizeof greeting + 2]; /* a message before their READY breaks the protocol */
    cr_assert_eq(recv(fd, theirs, sizeof theirs, MSG_WAITALL), (ssize_t)sizeof theirs);
    cr_assert_eq(write(fd, hello, sizeof hello - 1), (ssize_t)sizeof hello - 1);
    return fd;
}

/* A peer may write what it likes into the properties of its greeting, and libzmq hands it up as it stands. */
Test(link_security, who_names_itself_is_not_believed)
{
    open_door(NULL);
    int fd = send_raw();
    cr_assert_eq(wait_at_the_door(DEADLINE_US), OK);
    cr_assert_str_eq(zmq_msg_gets(&message.frame, "User-Id"), "root");
    cr_assert_str_eq(message.peer.principal, "");
    close(fd);
}

Test(link_security, half_a_security_is_refused)
{
    void *socket;
    struct link_security none = {.mechanism = LINK_CURVE_SERVER, .secret_key = server.secret_key};
    struct link_options o = {.hwm = 1, .security = &none};
    cr_assert_eq(link_open(&socket, ZMQ_ROUTER, LINK_BIND, endpoint, &o, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "secure the socket for ipc://"), "%s", e.text);
    cr_assert_null(socket);
}
