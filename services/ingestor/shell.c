#include "services/ingestor/shell.h"
#include "base/deadline.h"
#include "base/log.h"
#include "context/token.h"
#include "gate/gate.h"
#include "reactor/reactor.h"
#include "service/access_log.h"
#include "service/connections.h"
#include "service/descriptors.h"
#include "service/memory.h"
#include "services/ingestor/start.h"

enum { WORK_HWM = 20000, MESSAGES_MAX = 8192, LAST_WORDS_MS = 100 };
/* Messages of one connection: as many small ones as a commit takes, or slow disks see smaller commits. Who keeps to no
 * window may fill them all (D5b). */
enum { DOOR_HWM = 4096 };
/* Questions cost more than submissions and need not be read: neither may keep the others from their receipts, nor fill
 * the memory (D15). */
enum { DOOR_SENT_MAX = 256, DOOR_SMALL_BYTES = 4096, DOOR_WAITING_BYTES_MAX = 1 << 20, DOOR_US_MAX = 5000 };
/* After a stop signal a slow disk has so long for what is under way. */
enum { STOP_US = 3000000 };
/* Beside those that the core knows (enum ingestor_source). */
enum { JOURNAL = INGESTOR_SOURCES, GATE, SOURCES };

struct shell {
    struct stores stores; /* first: see stores.h */
    struct ingestor *core;
    struct reactor *reactor;
    struct gate *gate;
    struct access_log *access_log;
    const struct peer *heard; /* whose message is being looked at; NULL: nobody's */
    bool open; /* all doors are: before that nobody is answered, or a start that fails would look like one that did not
                */
    bool stopping;
};

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    return reactor_send(((struct shell *)ctx)->reactor, source, peer, kind, m);
}

/* Of a local socket the principal says where from. */
static void audit(void *ctx, const struct audit_event *event)
{
    struct shell *s = ctx;
    struct audit_event whole = *event;
    if (s->heard) {
        bool local = s->heard->principal[0] == 'o' || s->heard->principal[0] == 'u';
        whole.who = s->heard->principal;
        whole.address = local ? NULL : reactor_address(s->reactor);
    }
    access_log_hears(s->access_log, &whole);
}

static void cut(void *ctx, uint64_t peer, const char *reason, const char *why)
{
    struct shell *s = ctx;
    (void)peer;
    audit(s, &(struct audit_event){.kind = AUDIT_CUT, .reason = reason, .detail = why});
    connections_cut_off(reactor_cut(s->reactor));
}

static void hash(void *ctx, uint8_t out[static TOKEN_HASH_BYTES], const void *data, size_t bytes)
{
    (void)ctx;
    token_hash(out, data, bytes);
}

/* ---- hooks ---- */

static void message(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    struct shell *s = ctx;
    s->heard = &peer;
    ingestor_receive(s->core, source, peer, m, now);
    s->heard = NULL;
}

static bool work_wanted(void *ctx) { return ((const struct shell *)ctx)->open; }

static bool door_wanted(void *ctx)
{
    const struct shell *s = ctx;
    return s->open && !s->stopping && ingestor_takes(s->core);
}

static void journal_answered(void *ctx, unsigned source, struct moment now)
{
    struct shell *s = ctx;
    (void)source, (void)now;
    start_take_answer(&s->stores, s->core);
}

static void end_when_due(struct shell *s)
{
    if (ingestor_fenced(s->core))
        reactor_fail(s->reactor, ERR_LOST, "%s", ingestor_fenced(s->core));
    else if (s->stopping && ingestor_idle(s->core))
        reactor_end(s->reactor);
}

static int64_t tick(void *ctx, struct moment now)
{
    struct shell *s = ctx;
    struct metrics *metrics = ingestor_metrics(s->core);
    metrics->value[METRIC_messages_misshapen] = link_dropped();
    metrics->value[METRIC_connections_over_limit] = connections_over_limit();
    metrics->value[METRIC_connections_unspoken] = link_accepted_count() - gate_questions(s->gate);
    memory_give_back(metrics->value[METRIC_messages_malformed] + metrics->value[METRIC_questions_unanswered],
                     now.mono_us);
    metrics->value[METRIC_connections_refused] = descriptors_refused();
    metrics->value[METRIC_connections_refused_lately] = descriptors_refused_lately(now.mono_us);
    if (!reactor_waiting(s->reactor, INGESTOR_DOOR))
        ingestor_drained(s->core);
    access_log_over_limit(s->access_log, metrics->value[METRIC_connections_over_limit], now);
    int64_t due_us = earlier_us(ingestor_tick(s->core, now), access_log_tick(s->access_log, now));
    end_when_due(s);
    return earlier_us(due_us, gate_tick(s->gate, now));
}

static int64_t stop(void *ctx, struct moment now)
{
    ((struct shell *)ctx)->stopping = true;
    return now.mono_us + STOP_US;
}

/* ---- from start to end ---- */

static const struct access *table_of_rights(void *ctx)
{
    return catalog_access(ingestor_catalog(((struct shell *)ctx)->core));
}

static void make_gate(struct shell *s)
{
    s->gate = gate_new(&(struct gate_options){.directory = s->stores.service->directory,
                                              .reactor = &s->reactor,
                                              .metrics = ingestor_metrics(s->core),
                                              .tell = log_told,
                                              .audit = access_log_hears,
                                              .audit_ctx = s->access_log});
    gate_keys(s->gate, table_of_rights, s);
    gate_invite(s->gate);
}

static enum err open_doors(struct shell *s, const struct ingestor_arguments *a, struct err_text *e)
{
    struct gate_door door[INGESTOR_DOORS_MAX];
    unsigned count = 0;
    for (; a->door[count]; count++)
        door[count] = (struct gate_door){INGESTOR_DOOR, a->door[count]};
    return gate_open(s->gate, s->reactor, door, count, a->insecure, e);
}

static enum err open_sources(struct shell *s, struct err_text *e)
{
    const struct settings *settings = &s->stores.service->settings;
    const struct reactor_source table[SOURCES] = {
        [INGESTOR_WORK] = {.name = "work",
                           .type = ZMQ_ROUTER,
                           .mode = LINK_BIND,
                           .options = {.hwm = WORK_HWM, .security = &gate_inside},
                           .channel = &wire_to_coordinator,
                           .wanted = work_wanted,
                           .limits = {.messages = MESSAGES_MAX}},
        [INGESTOR_DOOR] = {.name = "door",
                           .type = ZMQ_ROUTER,
                           .mode = LINK_BIND,
                           .options = {.hwm = DOOR_HWM,
                                       .sent_max = DOOR_SENT_MAX,
                                       .handshake_ms = (int)settings->handshake_ms_max,
                                       .security = &gate_local},
                           .channel = &wire_to_ingestor,
                           .wanted = door_wanted,
                           .limits = {.messages = MESSAGES_MAX, .us = DOOR_US_MAX},
                           .small_bytes = DOOR_SMALL_BYTES,
                           .waiting_bytes_max = DOOR_WAITING_BYTES_MAX,
                           .last_words_ms = LAST_WORDS_MS},
        [JOURNAL] = {.name = "journal",
                     .kind = REACTOR_DESCRIPTOR,
                     .fd = committer_fd(s->stores.committer),
                     .ready = journal_answered},
        [GATE] = gate_source(s->gate),
    };
    struct reactor_options options = {.hooks = {s, message, tick, stop, log_told, gate_admits, s->gate},
                                      .sources = table,
                                      .count = SOURCES,
                                      .directory = s->stores.service->directory,
                                      .stop_fd = s->stores.service->stop_fd};
    return reactor_open(&s->reactor, &options, e);
}

static enum err open_all(struct shell *s, struct service *service, const struct ingestor_arguments *a,
                         struct err_text *e)
{
    enum err err = stores_open(&s->stores, service, e);
    connections_bound(service->settings.connections_max, service->settings.connections_per_address_max);
    if (!err)
        err = access_log_open(&s->access_log, service->directory, service->instance, 0, e);
    if (err)
        return err;
    const struct journal *j = s->stores.journal;
    struct ingestor_io io = {s,           send, log_told, stores_append, stores_read, stores_controls, stores_rejects,
                             stores_room, cut,  audit,    hash};
    s->core = ingestor_new(service->instance, &service->settings, &io, journal_partitions(j), journal_id(j),
                           journal_term(j), journal_last_commit(j));
    err = start_restore(&s->stores, s->core, e);
    if (!err && a->catalog)
        err = start_publish(&s->stores, s->core, a->catalog, e);
    make_gate(s);
    if (!err)
        err = open_sources(s, e);
    if (!err)
        err = open_doors(s, a, e);
    s->open = err == OK;
    return err;
}

static void close_all(struct shell *s)
{
    reactor_close(&s->reactor);
    gate_destroy(&s->gate);
    stores_close(&s->stores); /* before the core, whose group may be under way */
    ingestor_destroy(&s->core);
    access_log_close(&s->access_log);
    link_shutdown();
}

enum err ingestor_run(struct service *service, const struct ingestor_arguments *arguments, struct err_text *e)
{
    struct shell s = {0};
    enum err err = open_all(&s, service, arguments, e);
    if (!err) {
        log_info("ingestor.ready", "partitions=%u term=%llu", journal_partitions(s.stores.journal),
                 (unsigned long long)journal_term(s.stores.journal));
        err = reactor_run(s.reactor, e);
        log_info("ingestor.stopped", "lag=%llu", (unsigned long long)ingestor_lag(s.core));
    }
    close_all(&s);
    return err;
}
