#include "reactor_world.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEERS_MAX = 8 };

struct reactor_world world;
static void *peer[PEERS_MAX];
static int peers;

static void on_message(void *ctx, unsigned source, struct peer from, const struct wire_message *m, struct moment now)
{
    cr_assert_eq(ctx, &world);
    cr_assert_lt(world.heard_count, WORLD_HEARD_MAX);
    struct heard *h = &world.heard[world.heard_count++];
    *h = (struct heard){.source = source, .peer = from, .kind = m->kind, .err = m->err, .now = now};
    cr_assert_str_eq(from.principal, "");
    snprintf(h->why, sizeof h->why, "%s", m->why);
    if (!m->err)
        h->request = ((const Parbus__SnapshotRequest *)m->message)->request;
    if (world.on_message)
        world.on_message(h);
}

static int64_t on_tick(void *ctx, struct moment now)
{
    (void)ctx;
    world.ticks++;
    if (world.on_tick)
        world.on_tick(now);
    return world.tick_in_us == INT64_MAX ? INT64_MAX : now.mono_us + world.tick_in_us;
}

static void make_directory(void)
{
    char run[80];
    strcpy(world.directory, "/tmp/parbus-reactor-XXXXXX");
    cr_assert(mkdtemp(world.directory));
    snprintf(run, sizeof run, "%s/run", world.directory);
    cr_assert_eq(mkdir(run, 0700), 0);
}

void world_open(const struct reactor_source *rows, unsigned count)
{
    make_directory();
    world.tick_in_us = INT64_MAX;
    world.options.hooks.ctx = &world;
    world.options.hooks.message = on_message;
    world.options.hooks.tick = on_tick;
    world.options.directory = world.directory;
    world.options.sources = rows;
    world.options.count = count;
    cr_assert_eq(reactor_open(&world.reactor, &world.options, &world.e), OK, "%s", world.e.text);
}

void world_close(void)
{
    char command[128];
    while (peers)
        link_close(&peer[--peers]);
    reactor_close(&world.reactor);
    link_shutdown();
    snprintf(command, sizeof command, "rm -r %s", world.directory);
    if (world.directory[0])
        cr_assert_eq(system(command), 0);
}

void *world_peer(int type, enum link_mode mode, const char *name)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    cr_assert_lt(peers, PEERS_MAX);
    cr_assert_eq(link_endpoint(endpoint, world.directory, name, &world.e), OK, "%s", world.e.text);
    cr_assert_eq(link_open(&peer[peers], type, mode, endpoint, &(struct link_options){.hwm = 10000}, &world.e), OK);
    return peer[peers++];
}

void world_request(void *socket, uint64_t request)
{
    Parbus__SnapshotRequest m = PARBUS__SNAPSHOT_REQUEST__INIT;
    struct buffer out = {0};
    m.topic = "pci/2013";
    m.has_request = 1, m.request = request;
    wire_pack(&out, PARBUS__TO_SNAPSHOTS__BODY_SNAPSHOT, &m.base);
    cr_assert_eq(link_send(socket, out.data, out.size), OK);
    buffer_free(&out);
}
