#include "services/ingestor/shell.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/load.h"
#include "link/link.h"
#include "service/descriptors.h"
#include "services/ingestor/core.h"
#include "state/state.h"

enum { WORK_HWM = 20000, DRAIN_MAX = 8192, RESERVE_GROUPS = 4, DOOR = 0, WORK = 1, SOCKETS = 2 };
/* Messages of one connection: as many small ones as a commit takes, or slow disks see smaller commits. Who keeps to no
 * window may fill them all (D5). */
enum { DOOR_HWM = 4096 };
/* Questions cost more than submissions and need not be read: neither may keep the others from their receipts, nor fill
 * the memory (D15). */
enum { DOOR_SENT_MAX = 256, DOOR_SMALL_BYTES = 4096, DOOR_WAITING_BYTES_MAX = 1 << 20, DRAIN_US_MAX = 5000 };

struct shell {
    struct service *service;
    struct ingestor *core;
    struct journal *journal;
    struct state *state; /* opened when first asked for: scorers make it */
    void *socket[SOCKETS];
    struct link_message message;
    struct arena arena;
    struct buffer out;
};

static struct ingestor_now now(void) { return (struct ingestor_now){clock_mono_us(), clock_wall_ms()}; }

/* ---- what the core may do ---- */

static const struct buffer *pack(struct shell *s, uint32_t kind, const ProtobufCMessage *message)
{
    buffer_clear(&s->out);
    wire_pack(&s->out, kind, message);
    return &s->out;
}

static enum err to_feeder(void *ctx, uint64_t number, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    const struct buffer *b = pack(s, kind, message);
    return b->size > DOOR_SMALL_BYTES
               ? link_send_to_within(s->socket[DOOR], number, b->data, b->size, DOOR_WAITING_BYTES_MAX)
               : link_send_to(s->socket[DOOR], number, b->data, b->size);
}

static enum err to_worker(void *ctx, uint64_t number, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    const struct buffer *b = pack(s, kind, message);
    return link_send_to(s->socket[WORK], number, b->data, b->size);
}

static enum err append(void *ctx, const struct journal_group *group, struct err_text *e)
{
    struct journal *j = ((struct shell *)ctx)->journal;
    struct journal_group numbered = *group;
    numbered.commit = journal_last_commit(j) + 1;
    return journal_append(j, &numbered, e);
}

static enum err read_records(void *ctx, uint32_t partition, uint64_t from_pseq, size_t bytes_max, journal_record_fn *fn,
                             void *fn_ctx, struct err_text *e)
{
    return journal_read(((struct shell *)ctx)->journal, partition, from_pseq, bytes_max, fn, fn_ctx, e);
}

static enum err read_controls(void *ctx, uint64_t from, journal_control_fn *fn, void *fn_ctx, struct err_text *e)
{
    return journal_controls(((struct shell *)ctx)->journal, from, fn, fn_ctx, e);
}

static enum err room(void *ctx, bool probe, struct err_text *e)
{
    struct shell *s = ctx;
    enum err code = journal_room(s->journal, RESERVE_GROUPS * (size_t)s->service->settings.group_bytes_max, e);
    return code || !probe ? code : journal_probe(s->journal, e);
}

struct reject_filter {
    uint32_t feeder;
    uint64_t epoch;
    bool (*add)(void *ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail);
    void *ctx;
};

static bool of_feeder(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                      const struct reject_header *header, const char *detail)
{
    const struct reject_filter *f = ctx;
    return feeder == f->feeder && epoch == f->epoch && f->add(f->ctx, seq, row, header->reason, detail);
}

/* State belongs to the scorers, and may not be there yet: ERR_NOT_FOUND. */
static enum err need_state(struct shell *s, struct err_text *e)
{
    struct state_options options = {.journal_id = journal_id(s->journal),
                                    .map_bytes = (size_t)s->service->settings.state_map_bytes,
                                    .network_fs_allowed = s->service->settings.network_fs_allowed};
    return s->state ? OK : state_open(&s->state, s->service->directory, &options, e);
}

static void rejects(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                    bool (*add)(void *add_ctx, uint64_t seq, uint32_t row, uint32_t reason, const char *detail),
                    void *add_ctx)
{
    struct shell *s = ctx;
    struct err_text e;
    struct reject_filter filter = {feeder, epoch, add, add_ctx};
    enum err code = need_state(s, &e);
    if (code == OK)
        code = state_rejects_each(s->state, feeder, epoch, seq, row, of_feeder, &filter, &e);
    if (code != OK && code != ERR_NOT_FOUND)
        log_warn("state.read_failed", "why=\"%s\"", e.text);
}

/* ---- start ---- */

static enum err restore_control(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    return ingestor_restore_control(ctx, seq, packed, bytes, e);
}

static bool restore_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    ingestor_restore_feeder(ctx, number, feeder);
    return true;
}

/* How far state has followed; 0 when it cannot be read: scorers will tell. */
static uint64_t applied_of(struct shell *s, uint32_t partition)
{
    struct state_cursor cursor = {0};
    if (need_state(s, NULL) == OK)
        state_cursor_get(s->state, partition, &cursor, NULL);
    return cursor.applied;
}

static enum err restore(struct shell *s, struct err_text *e)
{
    enum err code = journal_controls(s->journal, 1, restore_control, s->core, e);
    if (code == OK)
        code = journal_feeders(s->journal, restore_feeder, s->core, e);
    for (uint32_t p = 0; code == OK && p < journal_partitions(s->journal); p++) {
        uint64_t last = 0;
        code = journal_last_pseq(s->journal, p, &last, e);
        if (code == OK)
            code = ingestor_restore_partition(s->core, p, last, applied_of(s, p), e);
    }
    return err_wrap(e, code, "restore from the journal");
}

static void log_fault(void *ctx, const char *file, int line, const char *text)
{
    (void)ctx;
    log_error("catalog.fault", "at=%s:%d what=\"%s\"", file, line, text);
}

struct publishing {
    struct shell *shell;
    enum err code;
    struct err_text *e;
};

static void publish(void *ctx, Parbus__Control *control)
{
    struct publishing *p = ctx;
    if (p->code == OK)
        p->code = ingestor_publish(p->shell->core, control, now(), p->e);
}

static enum err publish_catalog(struct shell *s, const char *directory, struct err_text *e)
{
    struct catalog_set *set = catalog_load(directory, log_fault, NULL);
    if (!set)
        return err_set(e, ERR_INVALID, "catalog %s has faults (see the lines above)", directory);
    struct publishing p = {s, OK, e};
    enum err code = catalog_set_missing(set, ingestor_catalog(s->core), publish, &p, e);
    catalog_set_destroy(&set);
    return err_wrap(e, code == OK ? p.code : code, "publish catalog %s", directory);
}

/* An ingestor that is started again in the night goes on with what the journal has; `parbus up`, which a person starts,
 * refuses. */
static void warn_of_partitions(const struct shell *s)
{
    struct settings fallback;
    uint32_t partitions = journal_partitions(s->journal);
    settings_defaults(&fallback);
    if (s->service->settings.partitions != partitions && s->service->settings.partitions != fallback.partitions)
        log_warn("journal.partitions_fixed",
                 "partitions=%u wanted=%lld why=\"they were fixed when the journal was made\"", partitions,
                 (long long)s->service->settings.partitions);
}

static enum err open_all(struct shell *s, const struct ingestor_arguments *a, struct err_text *e)
{
    const struct settings *settings = &s->service->settings;
    struct journal_options options = {.writer = true,
                                      .partitions = (uint32_t)settings->partitions,
                                      .map_bytes = (size_t)settings->journal_map_bytes,
                                      .network_fs_allowed = settings->network_fs_allowed};
    enum err code = journal_open(&s->journal, s->service->directory, &options, e);
    if (code != OK)
        return code;
    warn_of_partitions(s);
    struct ingestor_io io = {s, to_feeder, to_worker, append, read_records, rejects, room, read_controls};
    s->core = ingestor_new(s->service->instance, settings, &io, journal_partitions(s->journal), journal_id(s->journal),
                           journal_term(s->journal));
    code = restore(s, e);
    if (code == OK && a->catalog)
        code = publish_catalog(s, a->catalog, e);
    char door[LINK_ENDPOINT_BYTES], work[LINK_ENDPOINT_BYTES];
    if (code == OK)
        code = link_endpoint(door, s->service->directory, "door", e);
    if (code == OK)
        code = link_endpoint(work, s->service->directory, "work", e);
    if (code == OK)
        code = link_open(&s->socket[WORK], ZMQ_ROUTER, LINK_BIND, work, &(struct link_options){.hwm = WORK_HWM}, e);
    if (code == OK)
        code = link_open(&s->socket[DOOR], ZMQ_ROUTER, LINK_BIND, door,
                         &(struct link_options){.hwm = DOOR_HWM, .sent_max = DOOR_SENT_MAX}, e);
    for (int i = 0; code == OK && i < INGESTOR_DOORS_MAX && a->door[i]; i++)
        code = link_bind(s->socket[DOOR], a->door[i], e);
    return code;
}

static void close_all(struct shell *s)
{
    link_close(&s->socket[DOOR]);
    link_close(&s->socket[WORK]);
    link_message_close(&s->message);
    ingestor_destroy(&s->core);
    state_close(&s->state);
    journal_close(&s->journal);
    arena_free(&s->arena);
    buffer_free(&s->out);
    link_shutdown();
}

/* ---- the loop ---- */

static bool receive(struct shell *s, int socket, const struct wire_channel *channel, struct wire_message *m,
                    enum err *code, struct err_text *e)
{
    if (link_receive(s->socket[socket], ZMQ_ROUTER, &s->message) != OK)
        return false;
    arena_reset(&s->arena);
    *m = (struct wire_message){0};
    *code = wire_open(channel, link_data(&s->message), link_bytes(&s->message), &s->arena, m, e);
    return true;
}

static void drain_workers(struct shell *s)
{
    struct wire_message m;
    struct err_text e;
    enum err code;
    for (int n = 0; n < DRAIN_MAX && receive(s, WORK, &wire_to_coordinator, &m, &code, &e); n++) {
        if (code == OK)
            ingestor_from_worker(s->core, s->message.peer.id, &m, now());
        else
            log_warn("work.malformed", "why=\"%s\"", e.text);
    }
}

static void drain_door(struct shell *s)
{
    struct wire_message m;
    struct err_text e;
    enum err code;
    struct ingestor_now t = now();
    for (int n = 0; n < DRAIN_MAX && !ingestor_group_full(s->core) && clock_mono_us() - t.mono_us < DRAIN_US_MAX &&
                    receive(s, DOOR, &wire_to_ingestor, &m, &code, &e);
         n++) {
        uint64_t peer = s->message.peer.id;
        if (code == OK)
            ingestor_from_feeder(s->core, peer, &m, t);
        else
            ingestor_from_feeder_bad(s->core, peer, code, &m, e.text);
    }
}

/* Workers are heard before their leases are judged: a long commit must not look like their silence. */
static enum err loop(struct shell *s, struct err_text *e)
{
    uint32_t ready = 0;
    while (!(ready >> 31) && !ingestor_outdated(s->core)) {
        drain_workers(s);
        int64_t timeout_us = ingestor_tick(s->core, now());
        ready = link_poll(s->socket, SOCKETS, s->service->stop_fd, timeout_us);
        drain_door(s);
        ingestor_metrics(s->core)->value[METRIC_messages_misshapen] = link_dropped();
        ingestor_metrics(s->core)->value[METRIC_connections_refused] = descriptors_refused();
        ingestor_drained(s->core, now());
    }
    if (ingestor_outdated(s->core))
        return err_set(e, ERR_IO, "the journal holds a commit that was said to have failed: starting again");
    ingestor_stop(s->core, now());
    return OK;
}

enum err ingestor_run(struct service *service, const struct ingestor_arguments *arguments, struct err_text *e)
{
    struct shell s = {.service = service};
    link_message_init(&s.message);
    arena_init(&s.arena, WIRE_ARENA_BYTES);
    enum err code = open_all(&s, arguments, e);
    if (code == OK) {
        log_info("ingestor.ready", "partitions=%u term=%llu", journal_partitions(s.journal),
                 (unsigned long long)journal_term(s.journal));
        code = loop(&s, e);
        log_info("ingestor.stopped", "lag=%llu", (unsigned long long)ingestor_lag(s.core));
    }
    close_all(&s);
    return code;
}
