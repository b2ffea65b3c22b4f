#include "services/publisher/shell.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/random.h"
#include "service/descriptors.h"
#include "service/journal.h"
#include "service/shell.h"
#include "services/publisher/core.h"
#include "standings/read.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCORES, FEED, SNAPSHOT, WORK, SOCKETS };
enum {
    DRAIN_MAX = 1024,           /* messages of one socket in one turn of the loop */
    SUBSCRIPTIONS_MAX = 16384,  /* different ones, beside those to topics */
    UNREAD_TOLD_US = 1000000,   /* state that cannot be read is logged at most so often */
    CATALOG_CHECK_US = 1000000, /* a new period appears at the latest after so long */
};

/* What is bound or connected. A snapshot's parts are large: few of them per client are in memory. */
static const struct socket_row {
    const char *name;
    int type;
    enum link_mode mode;
    int hwm;
} socket_table[SOCKETS] = {
    [SCORES] = {"scores", ZMQ_PULL, LINK_BIND, 1000},
    [FEED] = {"feed", ZMQ_XPUB, LINK_BIND, 1000},
    [SNAPSHOT] = {"snapshot", ZMQ_ROUTER, LINK_BIND, 32},
    [WORK] = {"work", ZMQ_DEALER, LINK_CONNECT, 1000},
};

struct shell {
    struct worker_shell common;
    struct journal *journal;
    struct state *state; /* NULL: not there yet, or replaced */
    struct stat state_file;
    struct catalog *catalog;
    struct publisher *core;
    struct worker worker;
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

static void catch_up(void *ctx)
{
    struct shell *s = ctx;
    struct err_text e;
    if (read_catalog(s->journal, s->catalog, &e))
        log_warn("publisher.catalog_unread", "why=\"%s\"", e.text);
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
static bool state_ready(struct shell *s, struct publisher *core)
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
    struct state_options options = {
        .journal_id = journal_id(s->journal),
        .map_bytes = (size_t)service->settings.state_map_bytes,
        .network_fs_allowed = service->settings.network_fs_allowed,
    };
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

static void reload(void *ctx, struct publisher *core, uint32_t partition)
{
    struct shell *s = ctx;
    struct err_text e;
    catch_up(s);
    if (state_ready(s, core) && err_wrap(&e, load_partition(s, core, partition, &e), "partition %u", partition))
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
    uint64_t epoch = 0;
    enum err err = random_number(&epoch, e);
    s->catalog = catalog_new();
    if (!err)
        err = err_wrap(e, read_catalog(s->journal, s->catalog, e), "read the catalog from the journal");
    if (err)
        return err;
    struct publisher_options options = {
        .settings = &s->common.service->settings,
        .catalog = s->catalog,
        .metrics = &s->metrics,
        .epoch = epoch,
        .partitions = journal_partitions(s->journal),
        .io = {.ctx = s, .publish = publish, .answer = answer, .reload = reload, .catch_up = catch_up},
    };
    s->core = publisher_new(&options);
    for (uint32_t p = 0; p < options.partitions; p++)
        reload(s, s->core, p);
    publisher_start(s->core, clock_mono_us());
    log_info("publisher.started", "epoch=%016llx topics=%zu", (unsigned long long)epoch, publisher_topics(s->core));
    return OK;
}

static enum err start_worker(struct shell *s, struct err_text *e)
{
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_PUBLISHER, .journal_id = journal_id(s->journal)};
    enum err err = worker_shell_identify(&s->common, &config, e);
    worker_init(&s->worker, &config, to_coordinator, s, clock_mono_us());
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
    } else if (m->kind == PARBUS__TO_WORKER__BODY_WELCOME) {
        worker_welcome(&s->worker, (const Parbus__WorkerWelcome *)m->message, clock_mono_us());
    } else if (m->kind == PARBUS__TO_WORKER__BODY_WHO_ARE_YOU) {
        membership_unknown(&s->worker.membership, clock_mono_us());
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

static enum err loop(struct shell *s, struct err_text *e)
{
    int64_t catalog_us = clock_mono_us();
    while (!s->worker.other_journal) {
        int64_t now_us = clock_mono_us();
        if (now_us >= catalog_us) {
            catalog_us = now_us + CATALOG_CHECK_US;
            catch_up(s);
            publisher_catalog_changed(s->core);
        }
        s->metrics.value[METRIC_messages_misshapen] = link_dropped();
        s->metrics.value[METRIC_connections_refused] = descriptors_refused();
        worker_tick(&s->worker, &s->metrics, NULL, 0, now_us);
        int64_t due_us = earlier_us(publisher_tick(s->core, now_us), membership_deadline_us(&s->worker.membership));
        due_us = earlier_us(due_us, catalog_us);
        uint32_t ready = link_poll(s->socket, SOCKETS, s->common.service->stop_fd, us_until(due_us, clock_mono_us()));
        if (ready >> 31)
            return OK;
        for (int i = 0; i < SOCKETS; i++)
            if (ready >> i & 1)
                drain(s, i);
    }
    return worker_shell_other_journal(e);
}

static void shell_close(struct shell *s)
{
    publisher_destroy(&s->core);
    catalog_destroy(&s->catalog);
    state_close(&s->state);
    journal_close(&s->journal);
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
        err = service_journal(service, &s.journal, e);
    if (!err)
        err = start_core(&s, e);
    if (!err)
        err = start_worker(&s, e);
    if (!err)
        err = loop(&s, e);
    shell_close(&s);
    if (only_fd >= 0)
        close(only_fd);
    return err == ERR_STOPPED ? OK : err;
}
