/* The gate before the sockets of a reactor: who comes in, as whom, and who is cut. */
#include "auth/access.h"
#include "base/clock.h"
#include "gate/gate.h"
#include "reactor_world.h"
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { DOOR, FEED, WORK, GATE, ROWS };
enum { HEARD_MAX = 32, QUIET_US = 300000 };

static struct gate *gate;
static struct access *access_table;
static struct metrics metrics;
static struct context somebody, server;
static uint64_t changes;
static char heard[HEARD_MAX][GATE_PRINCIPAL_BYTES], door[64], feed[64];
static unsigned heard_count;
static void *client[8];
static unsigned clients;

static void on_frame(void *ctx, unsigned source, struct link_message *m, struct moment now)
{
    (void)ctx, (void)source, (void)now;
    cr_assert_lt(heard_count, HEARD_MAX);
    snprintf(heard[heard_count++], sizeof *heard, "%s", m->peer.principal);
}

static const struct access *table(void *ctx)
{
    (void)ctx;
    return access_table;
}

static void on_tick(struct moment now) { gate_tick(gate, now); }

static void change(Parbus__AccessChange *c)
{
    cr_assert_eq(access_apply(access_table, c, ++changes, &world.e), OK, "%s", world.e.text);
}

static void add_somebody(void)
{
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__IdentityAdded added = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__KeyAdded key = PARBUS__KEY_ADDED__INIT;
    added.name = key.name = "h05";
    key.has_public_key = 1;
    key.public_key = (ProtobufCBinaryData){LINK_KEY_BYTES, somebody.public_key};
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED, c.identity_added = &added;
    change(&c);
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_ADDED, c.key_added = &key;
    change(&c);
}

static void revoke_somebody(void)
{
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__KeyRevoked revoked = PARBUS__KEY_REVOKED__INIT;
    revoked.has_public_key = 1;
    revoked.public_key = (ProtobufCBinaryData){LINK_KEY_BYTES, somebody.public_key};
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_KEY_REVOKED, c.key_revoked = &revoked;
    change(&c);
}

static void setup(void)
{
    static struct reactor_source rows[ROWS] = {
        [DOOR] = {.name = "door", .type = ZMQ_ROUTER, .mode = LINK_BIND, .frame = on_frame},
        [FEED] = {.name = "feed", .type = ZMQ_XPUB, .mode = LINK_BIND, .frame = on_frame},
        [WORK] = {.name = "work", .type = ZMQ_ROUTER, .mode = LINK_BIND, .frame = on_frame}};
    rows[DOOR].options = rows[FEED].options = (struct link_options){.hwm = 100, .security = &gate_local};
    rows[WORK].options = (struct link_options){.hwm = 100, .security = &gate_inside};
    access_table = access_new();
    gate =
        gate_new(&(struct gate_options){.directory = world.directory, .reactor = &world.reactor, .metrics = &metrics});
    gate_keys(gate, table, NULL);
    rows[GATE] = gate_source(gate);
    world.options.hooks.admits = gate_admits;
    world.options.hooks.admits_ctx = gate;
    world.on_tick = on_tick;
    world_open(rows, ROWS);
    cr_assert_eq(context_draw(&somebody, &world.e), OK);
}

static void teardown(void)
{
    while (clients)
        link_close(&client[--clients]);
    world_close();
    gate_destroy(&gate);
    access_destroy(&access_table);
}

TestSuite(gate, .init = setup, .fini = teardown, .timeout = 120);

static void settle(void)
{
    for (int64_t end_us = clock_mono_us() + QUIET_US; clock_mono_us() < end_us;)
        reactor_step(world.reactor, clock_mono_us() + 10000);
}

/* ---- local sockets ---- */

/* As libzmq would: greeting and READY, from a process of this user. */
static int knock_as(uid_t user, const char *name)
{
    static const uint8_t greeting[64] = "\xff\0\0\0\0\0\0\0\0\x7f\3\0NULL";
    static const uint8_t ready[] = "\4\x1c\5READY\xbSocket-Type\0\0\0\6"
                                   "DEALER";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/run/%s", world.directory, name);
    cr_assert_eq(chmod(world.directory, 0711), 0);
    char run[96];
    snprintf(run, sizeof run, "%s/run", world.directory);
    cr_assert_eq(chmod(run, 0711), 0);
    cr_assert_eq(chmod(at.sun_path, 0777), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(seteuid(user), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(write(fd, greeting, sizeof greeting), sizeof greeting);
    cr_assert_eq(write(fd, ready, sizeof ready - 1), sizeof ready - 1);
    return fd;
}

Test(gate, the_owner_is_known_by_the_kernels_word)
{
    void *peer = world_peer(ZMQ_DEALER, LINK_CONNECT, "work");
    cr_assert_eq(link_send(peer, "hi", 2), OK);
    WORLD_UNTIL(heard_count == 1);
    cr_assert_str_eq(heard[0], "owner");
}

Test(gate, another_user_is_named_at_the_door_and_turned_away_inside)
{
    static const char message[] = "\0\2hi";
    if (geteuid() != 0)
        cr_skip_test("only root can be another user");
    int outside = knock_as(65534, "door"), inside = knock_as(65534, "work");
    WORLD_UNTIL(metrics.value[METRIC_connections_foreign_user] == 1);
    settle();
    cr_assert_eq(write(outside, message, sizeof message - 1), sizeof message - 1);
    cr_assert_eq(send(inside, message, sizeof message - 1, MSG_NOSIGNAL), sizeof message - 1);
    WORLD_UNTIL(heard_count == 1);
    settle();
    cr_assert_eq(heard_count, 1);
    cr_assert_str_eq(heard[0], "user:65534");
    close(outside), close(inside);
}

Test(gate, a_socket_that_subscribes_is_named_too)
{
    void *sub = world_peer(ZMQ_SUB, LINK_CONNECT, "feed");
    cr_assert_eq(link_subscribe(sub, "pci/2013"), OK);
    WORLD_UNTIL(heard_count == 1);
    cr_assert_str_eq(heard[0], "owner");
}

/* ---- keys ---- */

static void free_endpoint(char out[static 64])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, bytes), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &bytes), 0);
    snprintf(out, 64, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    close(fd);
}

static void open_doors(void)
{
    free_endpoint(door), free_endpoint(feed);
    struct gate_door doors[] = {{DOOR, door}, {FEED, feed}};
    cr_assert_eq(gate_open(gate, world.reactor, doors, 2, false, &world.e), OK, "%s", world.e.text);
    cr_assert_eq(gate_server_key(world.directory, &server, &world.e), OK, "%s", world.e.text);
}

static void *connect_with(const struct context *who, int type, const char *endpoint)
{
    const struct link_security security = {.mechanism = LINK_CURVE_CLIENT,
                                           .secret_key = who->secret_key,
                                           .public_key = who->public_key,
                                           .server_key = server.public_key};
    cr_assert_eq(link_open(&client[clients], type, LINK_CONNECT, endpoint,
                           &(struct link_options){.hwm = 10, .security = &security}, &world.e),
                 OK, "%s", world.e.text);
    return client[clients++];
}

static void *say_with(const struct context *who)
{
    void *dealer = connect_with(who, ZMQ_DEALER, door);
    cr_assert_eq(link_send(dealer, "hi", 2), OK);
    return dealer;
}

Test(gate, a_key_that_is_known_comes_in_by_its_name)
{
    char principal[GATE_PRINCIPAL_BYTES];
    add_somebody();
    open_doors();
    say_with(&somebody);
    WORLD_UNTIL(heard_count == 1);
    gate_principal_of_key(principal, somebody.public_key);
    cr_assert_str_eq(heard[0], principal);
    uint8_t key[LINK_KEY_BYTES];
    cr_assert(gate_key_of_principal(principal, key));
    cr_assert_arr_eq(key, somebody.public_key, LINK_KEY_BYTES);
}

Test(gate, a_key_that_nobody_knows_is_refused_and_counted)
{
    open_doors();
    cr_assert_eq(metrics.value[METRIC_connections_unknown_key], 0); /* the trial is none */
    say_with(&somebody);
    WORLD_UNTIL(metrics.value[METRIC_connections_unknown_key] == 1);
    settle();
    cr_assert_eq(heard_count, 0);
}

static bool welcome;
static bool is_welcome(const struct access *a, int64_t wall_ms)
{
    (void)wall_ms;
    return welcome && a == access_table;
}

Test(gate, a_stranger_comes_in_as_long_as_something_is_open_and_the_trial_is_refused_all_the_same)
{
    welcome = true;
    gate_strangers(gate, is_welcome);
    open_doors();
    say_with(&somebody);
    WORLD_UNTIL(heard_count == 1);
    welcome = false;
    add_somebody(), revoke_somebody(); /* a change of rights: everybody is looked at */
    WORLD_UNTIL(metrics.value[METRIC_connections_cut] == 1);
    WORLD_UNTIL(metrics.value[METRIC_connections_unknown_key] == 1);
}

/* ---- guests ---- */

static void invite(int64_t until_ms)
{
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__IdentityAdded added = PARBUS__IDENTITY_ADDED__INIT;
    Parbus__TokenAdded token = PARBUS__TOKEN_ADDED__INIT;
    uint8_t hash[ACCESS_HASH_BYTES] = {1};
    added.name = token.name = "h07";
    token.id = "i1";
    token.kind = PARBUS__TOKEN_KIND__TOKEN_INVITATION;
    token.hash = (ProtobufCBinaryData){sizeof hash, hash};
    token.until_ms = until_ms;
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED, c.identity_added = &added;
    change(&c);
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_TOKEN_ADDED, c.token_added = &token;
    change(&c);
}

static void open_to_guests(void)
{
    gate_invite(gate);
    invite(clock_wall_ms() + 60000);
    open_doors();
}

Test(gate, whoever_may_have_come_to_join_comes_in_and_is_counted)
{
    open_to_guests();
    cr_assert_eq(metrics.value[METRIC_connections_guests], 0); /* the trial is none */
    say_with(&somebody);
    WORLD_UNTIL(heard_count == 1);
    cr_assert_eq(metrics.value[METRIC_connections_guests], 1);
    cr_assert_eq(metrics.value[METRIC_connections_unknown_key], 0);
}

Test(gate, a_key_that_was_revoked_is_no_guests)
{
    add_somebody();
    revoke_somebody();
    open_to_guests();
    say_with(&somebody);
    WORLD_UNTIL(metrics.value[METRIC_connections_unknown_key] == 1);
    settle();
    cr_assert_eq(heard_count, 0);
}

Test(gate, nobody_comes_in_on_an_invitation_of_long_ago)
{
    gate_invite(gate);
    invite(1000);
    open_doors();
    say_with(&somebody);
    WORLD_UNTIL(metrics.value[METRIC_connections_unknown_key] == 1);
}

Test(gate, there_is_a_bound_on_guests_from_one_address)
{
    open_to_guests();
    for (int i = 0; i < 30; i++) {
        struct context guest = {.name = "guest"};
        cr_assert_eq(context_draw(&guest, &world.e), OK);
        say_with(&guest);
        WORLD_UNTIL(metrics.value[METRIC_connections_guests] + metrics.value[METRIC_connections_guests_over_limit] ==
                    (uint64_t)i + 1);
        link_close(&client[--clients]);
    }
    cr_assert_geq(metrics.value[METRIC_connections_guests], 20);
    cr_assert_leq(metrics.value[METRIC_connections_guests], 22); /* time has passed */
}

Test(gate, a_guest_is_cut_when_its_time_is_over_and_stays_when_its_key_is_known_by_then)
{
    struct context other = {.name = "other"};
    cr_assert_eq(context_draw(&other, &world.e), OK);
    open_to_guests();
    say_with(&somebody), say_with(&other);
    WORLD_UNTIL(heard_count == 2);
    add_somebody();
    struct moment later = {clock_mono_us() + 31000000, clock_wall_ms()};
    gate_tick(gate, later);
    cr_assert_eq(metrics.value[METRIC_guests_cut], 1);
    cr_assert_eq(metrics.value[METRIC_connections_cut], 0);
}

Test(gate, revoking_a_key_cuts_all_its_connections_at_once)
{
    add_somebody();
    open_doors();
    void *dealer = say_with(&somebody);
    cr_assert_eq(link_subscribe(connect_with(&somebody, ZMQ_SUB, feed), "pci/2013"), OK);
    WORLD_UNTIL(heard_count == 2);
    revoke_somebody();
    reactor_due(world.reactor);
    WORLD_UNTIL(metrics.value[METRIC_connections_cut] == 2);
    WORLD_UNTIL(metrics.value[METRIC_connections_unknown_key] == 2); /* both have tried to come back */
    link_send(dealer, "hi", 2);
    settle();
    cr_assert_geq(heard_count, 2);
    cr_assert_leq(heard_count, 3); /* libzmq tells that the subscriber has gone */
    cr_assert_eq(metrics.value[METRIC_connections_cut], 2);
}

Test(gate, who_is_still_in_is_cut_by_the_next_message_after_its_key_ended)
{
    add_somebody();
    open_doors();
    void *dealer = say_with(&somebody);
    WORLD_UNTIL(heard_count == 1);
    world.on_tick = NULL;
    revoke_somebody();
    gate_tick(gate, (struct moment){0});
    link_send(dealer, "hi", 2);
    settle();
    cr_assert_eq(heard_count, 1);
}

Test(gate, others_keep_their_connections_when_a_key_is_revoked)
{
    struct context other = {.name = "other"};
    add_somebody();
    open_doors();
    void *dealer = say_with(&somebody);
    void *local = world_peer(ZMQ_DEALER, LINK_CONNECT, "door");
    WORLD_UNTIL(heard_count == 1);
    cr_assert_eq(context_draw(&other, &world.e), OK);
    Parbus__AccessChange c = PARBUS__ACCESS_CHANGE__INIT;
    Parbus__IdentityAdded added = PARBUS__IDENTITY_ADDED__INIT;
    added.name = "h06";
    c.change_case = PARBUS__ACCESS_CHANGE__CHANGE_IDENTITY_ADDED, c.identity_added = &added;
    change(&c);
    settle();
    cr_assert_eq(link_send(dealer, "hi", 2), OK);
    cr_assert_eq(link_send(local, "hi", 2), OK);
    WORLD_UNTIL(heard_count == 3);
    cr_assert_eq(metrics.value[METRIC_connections_cut], 0);
}

/* ---- doors ---- */

Test(gate, the_servers_key_is_made_once_and_for_its_owner_alone)
{
    struct context again;
    char path[96];
    struct stat st;
    open_doors();
    cr_assert_eq(gate_server_key(world.directory, &again, &world.e), OK);
    cr_assert_arr_eq(again.public_key, server.public_key, LINK_KEY_BYTES);
    snprintf(path, sizeof path, "%s/keys/server", world.directory);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(gate, without_keys_only_this_host_is_served)
{
    free_endpoint(door);
    struct gate_door far[] = {{DOOR, door}, {DOOR, "tcp://0.0.0.0:5700"}};
    cr_assert_eq(gate_open(gate, world.reactor, far, 2, true, &world.e), ERR_INVALID);
    cr_assert(strstr(world.e.text, "tcp://0.0.0.0:5700: without keys"), "%s", world.e.text);
    cr_assert_eq(gate_open(gate, world.reactor, far, 1, true, &world.e), OK, "%s", world.e.text);
    cr_assert_eq(
        link_open(&client[clients++], ZMQ_DEALER, LINK_CONNECT, door, &(struct link_options){.hwm = 10}, &world.e), OK);
    cr_assert_eq(link_send(client[0], "hi", 2), OK);
    WORLD_UNTIL(heard_count == 1);
    cr_assert_str_eq(heard[0], "insecure");
}

/* Whose frames say what is not so: a gate that lets everybody in opens no door. */
Test(gate, no_door_opens_when_a_foreign_key_is_not_refused)
{
    free_endpoint(door);
    struct gate_door doors[] = {{DOOR, door}};
    reactor_remove(world.reactor, GATE);
    cr_assert_eq(gate_open(gate, world.reactor, doors, 1, false, &world.e), ERR_INVALID);
    cr_assert(strstr(world.e.text, "was not refused at a trial"), "%s", world.e.text);
}
