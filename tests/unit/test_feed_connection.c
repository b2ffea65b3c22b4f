/* When a subscriber gives up a connection, on real sockets. */
#include "base/clock.h"
#include "client/errors.h"
#include "link/link.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <parbus/feed.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUESTIONS = 9, DEADLINE_US = 30000000 };

static int troubles;

static void count_trouble(void *ctx, const char *text) { (void)ctx, (void)text, troubles++; }

/* Answers one question with "unknown"; returns whether there was one. */
static bool answer(void *router, struct link_message *message, uint64_t *from)
{
    struct arena arena;
    struct wire_message question;
    struct buffer out = {0};
    Parbus__Resync resync = PARBUS__RESYNC__INIT;
    if (link_receive(router, ZMQ_ROUTER, message))
        return false;
    arena_init(&arena, WIRE_ARENA_BYTES);
    cr_assert_eq(wire_open(&wire_to_snapshots, link_data(message), link_bytes(message), &arena, &question, NULL), OK);
    resync.has_request = resync.has_topic_unknown = resync.topic_unknown = 1;
    resync.request = ((const Parbus__SnapshotRequest *)question.message)->request;
    wire_pack(&out, PARBUS__FROM_SNAPSHOTS__BODY_RESYNC, &resync.base);
    *from = message->peer.id;
    link_send_to(router, *from, out.data, out.size);
    buffer_free(&out);
    arena_free(&arena);
    return true;
}

/* No event comes of a topic that there is not; that says nothing about the connection. */
Test(feed_connection, waiting_for_a_topic_is_not_a_dead_connection, .timeout = 60)
{
    char directory[] = "/tmp/parbus-feed-XXXXXX", run[64], events[LINK_ENDPOINT_BYTES], snapshots[LINK_ENDPOINT_BYTES];
    void *xpub, *router;
    struct parbus_feed *feed;
    struct link_message message;
    uint64_t first = 0, peer;
    struct err_text e;
    cr_assert(mkdtemp(directory));
    snprintf(run, sizeof run, "%s/run", directory);
    cr_assert_eq(mkdir(run, 0700), 0);
    link_endpoint(events, directory, "feed", &e);
    link_endpoint(snapshots, directory, "snapshot", &e);
    cr_assert_eq(link_open(&xpub, ZMQ_XPUB, LINK_BIND, events, &(struct link_options){.hwm = 10}, &e), OK, "%s",
                 e.text);
    cr_assert_eq(link_open(&router, ZMQ_ROUTER, LINK_BIND, snapshots, &(struct link_options){.hwm = 10}, &e), OK, "%s",
                 e.text);
    struct parbus_feed_options options = {
        .feed_endpoint = events, .snapshot_endpoint = snapshots, .trouble = count_trouble};
    struct parbus_topic *topic;
    cr_assert_eq(parbus_feed_open(&feed, &options, public_text(&e)), PARBUS_OK, "%s", e.text);
    cr_assert_eq(parbus_feed_follow(feed, "pci/2031", NULL, &topic, public_text(&e)), PARBUS_OK, "%s", e.text);
    link_message_init(&message);
    int64_t end_us = clock_mono_us() + DEADLINE_US;
    for (int asked = 0; asked < QUESTIONS && clock_mono_us() < end_us;) {
        parbus_feed_poll(feed, 20, public_text(&e));
        if (!answer(router, &message, &peer))
            continue;
        first = asked++ ? first : peer;
        cr_assert_eq(peer, first, "question %d came on another connection", asked);
    }
    cr_assert_lt(clock_mono_us(), end_us);
    link_message_close(&message);
    parbus_feed_close(&feed);
    link_close(&router);
    link_close(&xpub);
    link_shutdown();
    unlink(events + sizeof "ipc://" - 1);
    unlink(snapshots + sizeof "ipc://" - 1);
    rmdir(run);
    rmdir(directory);
}
