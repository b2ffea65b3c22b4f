#include "services/publisher/shell.h"
#include "auth/who.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/random.h"
#include "service/access_log.h"
#include "service/connections.h"
#include "service/descriptors.h"
#include "service/memory.h"
#include "service/shell.h"
#include "services/publisher/core.h"
#include "services/publisher/followers.h"
#include "services/publisher/store.h"
#include "services/publisher/subscribers.h"
#include <string.h>
#include <unistd.h>

enum {
    PUBLISHER_FEED = PUBLISHER_SNAPSHOTS + 1,
    SOURCES,
    SNAPSHOT_REQUEST_BYTES_MAX = 64 << 10,
    SNAPSHOT_WAITING_BYTES_MAX = 4 << 20, /* parts that wait for a client */
    TURN_US = 1000000,
};

struct shell {
    struct worker_shell common;
    struct publisher_store store;
    struct catalog *catalog;
    struct publisher *core;
    struct metrics metrics;
    struct subscribers subscribers;
    struct followers followers;
    struct access_log *access_log;
    bool started; /* … and that was logged */
};

static bool is_started(void *ctx) { return ((struct shell *)ctx)->started; }

static const struct access *table_of_rights(void *ctx) { return catalog_access(((struct shell *)ctx)->catalog); }

static void note(struct shell *s, struct link_message *m, enum audit_kind kind, const char *reason, const char *detail)
{
    const struct who who = who_of(table_of_rights(s), m->peer.principal, clock_wall_ms());
    bool local = m->peer.principal[0] == 'o' || m->peer.principal[0] == 'u'; /* the principal says where from */
    access_log_hears(s->access_log, &(struct audit_event){.kind = kind,
                                                          .reason = reason,
                                                          .name = who.name,
                                                          .who = m->peer.principal,
                                                          .address = local ? m->peer.principal : link_address(m),
                                                          .detail = detail});
}

static void cut(struct shell *s, struct link_message *m)
{
    note(s, m, AUDIT_CUT, "subscriptions", "too many subscriptions to what is no topic, or what is no subscription");
    connections_cut_off(link_cut(m));
    metric_add(&s->metrics, subscribers_cut, 1);
}

/* F12. libzmq keeps the list, without a limit. */
static bool has_room(struct shell *s, struct link_message *m, bool wanted, struct moment now)
{
    const char *frame = link_data(m);
    size_t bytes = link_bytes(m);
    bool whole = bytes > 1 && strnlen(frame + 1, bytes - 1) == bytes - 2;
    if (whole && publisher_has_topic(s->core, frame + 1) &&
        publisher_lets_follow(s->core, m->peer.principal, frame + 1, bytes - 1, now))
        return true;
    return subscribers_take(&s->subscribers, link_connection(m), wanted,
                            s->common.service->settings.subscriptions_per_client_max);
}

/* A10: he gets it, or not. What was allowed when it is not sure whose it is would be somebody else's; who asked comes
 * again. */
static void follow(struct shell *s, struct link_message *m, struct moment now)
{
    const char *frame = link_data(m);
    followers_note(&s->followers, m, table_of_rights(s), now.wall_ms);
    if (!publisher_lets_follow(s->core, m->peer.principal, frame + 1, link_bytes(m) - 1, now)) {
        metric_add(&s->metrics, subscriptions_not_authorised, 1);
        note(s, m, AUDIT_REFUSED, "NOT_AUTHORISED", "may not follow what it subscribed to");
    } else if (m->doubtful) {
        link_cut(m);
        metric_add(&s->metrics, subscribers_judged_anew, 1);
    } else {
        reactor_allow(s->common.reactor, PUBLISHER_FEED);
    }
}

static void subscription(void *ctx, unsigned source, struct link_message *m, struct moment now)
{
    struct shell *s = ctx;
    const char *frame = link_data(m);
    (void)source;
    if (!link_connection(m))
        return; /* of one that has ended */
    if (!link_bytes(m) || frame[0] > 1 || !has_room(s, m, frame[0] == 1, now))
        cut(s, m);
    else if (frame[0] == 1)
        follow(s, m, now);
    else
        reactor_allow(s->common.reactor, PUBLISHER_FEED);
}

/* Before the start only the coordinator is heard. A snapshot's parts are large: few of them per client are in memory.
 */
static const struct reactor_source sources[SOURCES] = {
    [PUBLISHER_COORDINATOR] = {.name = "work",
                               .type = ZMQ_DEALER,
                               .mode = LINK_CONNECT,
                               .options.hwm = 1000,
                               .channel = &wire_to_worker,
                               .last_words_ms = WORKER_LAST_WORDS_MS},
    [PUBLISHER_SCORES] = {.name = "scores",
                          .type = ZMQ_PULL,
                          .mode = LINK_BIND,
                          .options = {.hwm = 1000, .security = &gate_inside},
                          .channel = &wire_to_publisher,
                          .wanted = is_started},
    [PUBLISHER_SNAPSHOTS] = {.name = "snapshot",
                             .type = ZMQ_ROUTER,
                             .mode = LINK_BIND,
                             .options = {.hwm = 32, .bytes_max = SNAPSHOT_REQUEST_BYTES_MAX, .security = &gate_local},
                             .channel = &wire_to_snapshots,
                             .waiting_bytes_max = SNAPSHOT_WAITING_BYTES_MAX,
                             .wanted = is_started},
    [PUBLISHER_FEED] = {.name = "feed",
                        .type = ZMQ_XPUB,
                        .mode = LINK_BIND,
                        .options = {.hwm = 1000, .asks = true, .security = &gate_local},
                        .frame = subscription,
                        .wanted = is_started},
};

/* ---- what the core may do ---- */

static void publish(void *ctx, const char *topic, const void *event, size_t bytes)
{
    reactor_publish(((struct shell *)ctx)->common.reactor, PUBLISHER_FEED, topic, event, bytes);
}

static enum err answer(void *ctx, uint64_t peer, const void *message, size_t bytes)
{
    return reactor_send_bytes(((struct shell *)ctx)->common.reactor, PUBLISHER_SNAPSHOTS, peer, message, bytes);
}

static void reload(void *ctx, struct publisher *core, uint64_t journal_id, uint32_t partition)
{
    publisher_store_reload(&((struct shell *)ctx)->store, core, journal_id, partition);
}

/* ---- what happens ---- */

static void message(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    publisher_receive(((struct shell *)ctx)->core, source, peer, m, now);
}

static int64_t look_at_followers(struct shell *s, struct moment now)
{
    int64_t due_us;
    unsigned ended = followers_look(&s->followers, table_of_rights(s), now, &due_us);
    metric_add(&s->metrics, subscribers_judged_anew, ended);
    return due_us;
}

static int64_t tick(void *ctx, struct moment now)
{
    struct shell *s = ctx;
    struct err_text why;
    s->metrics.value[METRIC_connections_over_limit] = connections_over_limit();
    s->metrics.value[METRIC_connections_unspoken] = link_accepted_count() - gate_questions(s->common.gate);
    memory_give_back(s->metrics.value[METRIC_subscribers_cut], now.mono_us);
    s->metrics.value[METRIC_connections_refused] = descriptors_refused();
    s->metrics.value[METRIC_connections_refused_lately] = descriptors_refused_lately(now.mono_us);
    access_log_over_limit(s->access_log, s->metrics.value[METRIC_connections_over_limit], now);
    int64_t due_us = earlier_us(publisher_tick(s->core, now), access_log_tick(s->access_log, now));
    worker_shell_tick(&s->common, &s->metrics, publisher_over(s->core, &why), &why);
    if (!s->started && publisher_started(s->core))
        log_info("publisher.started", "topics=%zu", publisher_topics(s->core));
    s->started = publisher_started(s->core);
    due_us = earlier_us(due_us, gate_tick(s->common.gate, now));
    return earlier_us(due_us, look_at_followers(s, now));
}

/* ---- from start to end ---- */

static bool is_open(const struct access *a, int64_t wall_ms)
{
    return access_is_open(a, PARBUS__VERB__VERB_FEED, wall_ms);
}

static enum err open_sources(struct shell *s, const struct service *service, struct err_text *e)
{
    struct reactor_source own[SOURCES];
    memcpy(own, sources, sizeof own);
    own[PUBLISHER_FEED].options.handshake_ms = (int)service->settings.handshake_ms_max;
    own[PUBLISHER_SNAPSHOTS].options.handshake_ms = (int)service->settings.handshake_ms_max;
    enum err err =
        worker_shell_open(s, service, own, SOURCES, &(struct reactor_hooks){.message = message, .tick = tick}, e);
    gate_count(s->common.gate, &s->metrics);
    gate_audit(s->common.gate, access_log_hears, s->access_log);
    return err;
}

static unsigned add_doors(struct gate_door *door, unsigned count, unsigned source, const char *const *endpoint)
{
    while (*endpoint)
        door[count++] = (struct gate_door){source, *endpoint++};
    return count;
}

/* Not before the controls are known, and the keys with them: who is turned away does not come again by itself. */
static enum err open_doors(struct shell *s, const struct publisher_arguments *a, struct err_text *e)
{
    while (!s->started && reactor_step(s->common.reactor, clock_mono_us() + TURN_US))
        continue;
    if (!s->started)
        return OK;
    struct gate_door door[2 * PUBLISHER_ENDPOINTS_MAX];
    unsigned count = add_doors(door, 0, PUBLISHER_FEED, a->feed);
    count = add_doors(door, count, PUBLISHER_SNAPSHOTS, a->snapshots);
    return gate_open(s->common.gate, s->common.reactor, door, count, a->insecure, e);
}

static enum err start_core(struct shell *s, struct err_text *e)
{
    const struct service *service = s->common.service;
    s->store = (struct publisher_store){.directory = service->directory, .settings = &service->settings};
    s->catalog = catalog_new();
    struct publisher_options options = {
        .settings = &service->settings,
        .worker = {.role = PARBUS__ROLE__ROLE_PUBLISHER, .catalog = s->catalog},
        .metrics = &s->metrics,
        .io = {s, worker_shell_send, log_told, publish, answer, reload},
    };
    enum err err = random_number(&options.epoch, e);
    if (!err)
        err = worker_shell_identify(&s->common, &options.worker, e);
    if (!err)
        s->core = publisher_new(&options, clock_moment());
    gate_keys(s->common.gate, table_of_rights, s);
    gate_strangers(s->common.gate, is_open);
    return err;
}

/* Under the lock of its role: a second one under another name would take over the sockets, and leave nobody there when
 * it ends. */
static enum err run(struct shell *s, const struct service *service, const struct publisher_arguments *a,
                    struct err_text *e)
{
    connections_bound(service->settings.connections_max, service->settings.connections_per_address_max);
    enum err err = access_log_open(&s->access_log, service->directory, service->instance, 0, e);
    if (!err)
        err = open_sources(s, service, e);
    if (!err)
        err = start_core(s, e);
    if (!err)
        err = open_doors(s, a, e);
    if (!err)
        err = reactor_run(s->common.reactor, e);
    worker_shell_close(s);
    access_log_close(&s->access_log);
    publisher_destroy(&s->core);
    followers_free(&s->followers);
    publisher_store_close(&s->store);
    catalog_destroy(&s->catalog);
    return err;
}

enum err publisher_run(struct service *service, const struct publisher_arguments *arguments, struct err_text *e)
{
    static struct shell s;
    int only_fd = -1;
    enum err err = service_lock(service->directory, "publisher", &only_fd, NULL, e);
    if (!err)
        err = run(&s, service, arguments, e);
    if (only_fd >= 0)
        close(only_fd);
    return err;
}
