#include "services/publisher/shell.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/random.h"
#include "service/descriptors.h"
#include "service/shell.h"
#include "services/publisher/core.h"
#include "state/state.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORK, SCORES, FEED, SNAPSHOT, SOCKETS }; /* before the start, only the first is read */
enum {
    DRAIN_MAX = 1024,          /* messages of one socket in one turn of the loop */
    SUBSCRIPTIONS_MAX = 16384, /* different ones, beside those to topics */
    UNREAD_TOLD_US = 1000000,  /* state that cannot be read is logged at most so often */
};

/* What is bound or connected. A snapshot's parts are large: few of them per client are in memory. */
static const struct socket_row {
    const char *name;
    int type;
    enum link_mode mode;
    int hwm;
} socket_table[SOCKETS] = {
    [WORK] = {"work", ZMQ_DEALER, LINK_CONNECT, 1000},
    [SCORES] = {"scores", ZMQ_PULL, LINK_BIND, 1000},
    [FEED] = {"feed", ZMQ_XPUB, LINK_BIND, 1000},
    [SNAPSHOT] = {"snapshot", ZMQ_ROUTER, LINK_BIND, 32},
};

struct shell {
    struct worker_shell common;
    struct state *state; /* NULL: not there yet, or replaced */
    struct stat state_file;
    struct catalog *catalog;
    struct publisher *core;
    bool started; /* … and that was logged */
    struct metrics metrics;
    void *socket[SOCKETS];
    uint64_t subscriptions; /* different ones */
    int64_t unread_told_us;
};

/* ---- what the core may do ---- */

static void publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    struct shell *s = ctx;
    link_publish(s->socket[FEED], topic, event, bytes);
}

static enum err answer(void *ctx, const struct publisher_peer *to, const void *message, size_t bytes)
{
    struct shell *s = ctx;
    uint64_t peer;
    memcpy(&peer, to->id, sizeof peer);
    return link_send_to(s->socket[SNAPSHOT], peer, message, bytes);
}

/* Each partition is tried again and again, mostly in vain for the same reason. */
static void tell_unread(struct shell *s, const struct err_text *e)
{
    int64_t now_us = clock_mono_us();
    if (s->unread_told_us && now_us - s->unread_told_us < UNREAD_TOLD_US)
        return;
    s->unread_told_us = now_us;
    log_warn("publisher.state_unread", "why=\"%s\"", e->text);
}

static bool state_replaced(const struct shell *s, const struct stat *now)
{
    return now->st_ino != s->state_file.st_ino || now->st_dev != s->state_file.st_dev;
}

/* State may be deleted and filled again by replay while we run; an open environment would show the old one for ever. */
static bool state_ready(struct shell *s, struct publisher *core, uint64_t journal_id)
{
    const struct service *service = s->common.service;
    char path[sizeof service->directory + sizeof "/state/data.mdb"];
    snprintf(path, sizeof path, "%s/state/data.mdb", service->directory);
    struct stat file;
    bool there = stat(path, &file) == 0;
    if (s->state && (!there || state_replaced(s, &file))) {
        state_close(&s->state);
        publisher_state_anew(core);
    }
    if (s->state || !there)
        return s->state != NULL;
    struct state_options options = state_options(&service->settings, journal_id);
    struct err_text e;
    enum err err = state_open(&s->state, service->directory, &options, &e);
    if (err && err != ERR_NOT_FOUND)
        tell_unread(s, &e);
    s->state_file = file;
    return err == OK;
}

struct loading {
    struct publisher *core;
    uint64_t pseq;
};

static bool load_score(void *ctx, uint32_t series, uint32_t unit, const struct score_header *h, const int64_t *points)
{
    const struct loading *l = ctx;
    struct publisher_score score = {
        .series = series,
        .unit = unit,
        .appraised_share = h->appraised_share,
        .cause_feeder = h->cause_feeder,
        .present = h->present,
        .complete = h->complete,
        .cause_epoch = h->cause_epoch,
        .cause_seq = h->cause_seq,
        .points = points,
        .node_count = h->node_count,
    };
    publisher_load(l->core, &score, l->pseq);
    return true;
}

static enum err load_partition(struct shell *s, struct publisher *core, uint32_t partition, struct err_text *e)
{
    struct state_cursor cursor, later;
    enum err err = state_cursor_get(s->state, partition, &cursor, e);
    if (err || cursor.applied <= publisher_position(core, partition))
        return err == ERR_NOT_FOUND ? OK : err;
    /* The rows are read a moment later than the cursor: they count as being as old as it. */
    struct loading loading = {core, cursor.applied};
    err = state_scores_each(s->state, partition, 0, &later, load_score, &loading, e);
    if (!err)
        publisher_loaded(core, partition, cursor.applied);
    return err;
}

static void reload(void *ctx, struct publisher *core, uint64_t journal_id, uint32_t partition)
{
    struct shell *s = ctx;
    struct err_text e;
    if (state_ready(s, core, journal_id) &&
        err_wrap(&e, load_partition(s, core, partition, &e), "partition %u", partition))
        tell_unread(s, &e);
}

/* ---- start ---- */

static enum err bind_more(void *socket, const char *const *endpoint, struct err_text *e)
{
    enum err err = OK;
    for (; *endpoint && !err; endpoint++)
        err = link_bind(socket, *endpoint, e);
    return err;
}

static enum err open_sockets(struct shell *s, const struct publisher_arguments *a, struct err_text *e)
{
    enum err err = OK;
    for (int i = 0; i < SOCKETS && !err; i++) {
        char endpoint[LINK_ENDPOINT_BYTES];
        err = link_endpoint(endpoint, s->common.service->directory, socket_table[i].name, e);
        if (!err)
            err = link_open(&s->socket[i], socket_table[i].type, socket_table[i].mode, endpoint,
                            &(struct link_options){.hwm = socket_table[i].hwm}, e);
    }
    if (!err)
        err = bind_more(s->socket[FEED], a->feed, e);
    return err ? err : bind_more(s->socket[SNAPSHOT], a->snapshots, e);
}

static enum err to_coordinator(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    return worker_shell_send(&s->common, s->socket[WORK], kind, message);
}

static enum err start_core(struct shell *s, struct err_text *e)
{
    s->catalog = catalog_new();
    struct publisher_options options = {
        .settings = &s->common.service->settings,
        .worker = {.role = PARBUS__ROLE__ROLE_PUBLISHER, .catalog = s->catalog},
        .metrics = &s->metrics,
        .io = {.ctx = s, .publish = publish, .answer = answer, .reload = reload, .to_coordinator = to_coordinator},
    };
    enum err err = random_number(&options.epoch, e);
    if (!err)
        err = worker_shell_identify(&s->common, &options.worker, e);
    if (!err)
        s->core = publisher_new(&options, clock_mono_us());
    return err;
}

/* ---- messages ---- */

static const struct wire_channel *channel_of(int socket)
{
    return socket == SCORES ? &wire_to_publisher : socket == SNAPSHOT ? &wire_to_snapshots : &wire_to_worker;
}

static void dispatch(struct shell *s, int socket, const struct wire_message *m)
{
    if (socket == SCORES) {
        publisher_receive(s->core, m, clock_mono_us());
    } else if (socket == SNAPSHOT) {
        struct publisher_peer peer = {{0}};
        memcpy(peer.id, &s->common.message.peer.id, sizeof peer.id);
        publisher_request(s->core, &peer, m, clock_mono_us());
    } else {
        publisher_hear(s->core, m, clock_mono_us());
    }
}

/* libzmq keeps the list, without a limit, and passes on what is new in it or gone from it. */
static void subscription(struct shell *s)
{
    const char *frame = link_data(&s->common.message);
    size_t bytes = link_bytes(&s->common.message);
    if (bytes && frame[0] == 0)
        s->subscriptions -= s->subscriptions > 0;
    if (!bytes || frame[0] != 1)
        return;
    bool whole = strnlen(frame + 1, bytes - 1) == bytes - 2;
    if (++s->subscriptions > SUBSCRIPTIONS_MAX && !(whole && publisher_has_topic(s->core, frame + 1))) {
        link_cut(&s->common.message);
        metric_add(&s->metrics, subscribers_cut, 1);
    }
}

static bool take_subscription(struct shell *s)
{
    if (link_receive(s->socket[FEED], ZMQ_XPUB, &s->common.message))
        return false;
    subscription(s);
    return true;
}

static bool take_message(struct shell *s, int socket)
{
    struct wire_message m;
    struct err_text e;
    enum err err =
        worker_shell_receive(&s->common, s->socket[socket], socket_table[socket].type, channel_of(socket), &m, &e);
    if (err == ERR_BUSY)
        return false;
    if (err) {
        metric_add(&s->metrics, messages_malformed, 1);
        log_debug("publisher.malformed", "socket=%s why=\"%s\"", socket_table[socket].name, e.text);
    } else {
        dispatch(s, socket, &m);
    }
    return true;
}

static void drain(struct shell *s, int socket)
{
    for (int i = 0; i < DRAIN_MAX; i++)
        if (!(socket == FEED ? take_subscription(s) : take_message(s, socket)))
            return;
}

/* How many sockets are read from. */
static int sockets_open(struct shell *s)
{
    if (!s->started && publisher_started(s->core))
        log_info("publisher.started", "topics=%zu", publisher_topics(s->core));
    s->started = publisher_started(s->core);
    return s->started ? SOCKETS : 1;
}

/* One turn; returns whether the stop signal is there. */
static bool turn(struct shell *s)
{
    s->metrics.value[METRIC_messages_misshapen] = link_dropped();
    s->metrics.value[METRIC_connections_refused] = descriptors_refused();
    int64_t due_us = publisher_tick(s->core, clock_mono_us());
    int sockets = sockets_open(s);
    uint32_t ready = link_poll(s->socket, sockets, s->common.service->stop_fd, us_until(due_us, clock_mono_us()));
    for (int i = 0; i < sockets; i++)
        if (ready >> i & 1)
            drain(s, i);
    return ready >> 31;
}

static enum err loop(struct shell *s, struct err_text *e)
{
    enum err err = OK;
    while (!turn(s) && !err)
        err = publisher_over(s->core, e);
    return err;
}

static void shell_close(struct shell *s)
{
    publisher_destroy(&s->core);
    catalog_destroy(&s->catalog);
    state_close(&s->state);
    for (int i = 0; i < SOCKETS; i++)
        link_close(&s->socket[i]);
    worker_shell_close(&s->common);
}

/* A second one under another name would take over the sockets, and leave nobody there when it ends. */
static enum err lock_only(const struct service *service, int *fd, struct err_text *e)
{
    return service_lock(service->directory, "publisher", fd, NULL, e);
}

enum err publisher_run(struct service *service, const struct publisher_arguments *arguments, struct err_text *e)
{
    static struct shell s;
    worker_shell_open(&s.common, service);
    int only_fd = -1;
    enum err err = lock_only(service, &only_fd, e);
    if (!err)
        err = open_sockets(&s, arguments, e);
    if (!err)
        err = start_core(&s, e);
    if (!err)
        err = loop(&s, e);
    shell_close(&s);
    if (only_fd >= 0)
        close(only_fd);
    return err;
}
