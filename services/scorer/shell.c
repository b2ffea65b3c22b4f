#include "services/scorer/shell.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "link/link.h"
#include "service/journal.h"
#include "services/scorer/core.h"
#include "services/scorer/store.h"
#include "wire/wire.h"
#include <unistd.h>

enum {
    DRAIN_MESSAGES = 256, /* in one turn of the loop, so that commits and heartbeats keep their time */
    DRAIN_BYTES = 8 << 20,
    VERDICTS_QUEUE = 65536, /* the ingestor's windows bound it in bytes */
    SCORES_QUEUE = 4096,    /* beyond it the publisher reads state instead */
    WORK_QUEUE = 1000,
    LAST_WORDS_US = 20000, /* for the I/O thread to send what is queued */
};

enum { WORK, VERDICTS, SOURCES };

struct shell {
    struct service *service;
    struct scorer_store store;
    struct scorer_core *core;
    struct work_mark *mark;
    void *source[SOURCES];
    void *scores;
    char endpoint[LINK_ENDPOINT_BYTES]; /* where validators connect */
    struct link_message message;
    struct arena arena;
    struct buffer out;
};

static enum err to_coordinator(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    buffer_clear(&s->out);
    wire_pack(&s->out, kind, message);
    return link_send(s->source[WORK], s->out.data, s->out.size);
}

static enum err to_publisher(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    buffer_clear(&s->out);
    wire_pack(&s->out, kind, message);
    return link_send(s->scores, s->out.data, s->out.size);
}

static void trouble(void *ctx, const char *id, const char *text)
{
    (void)ctx;
    log_warn(id, "why=\"%s\"", text);
}

static enum err open_sockets(struct shell *s, struct err_text *e)
{
    char work[LINK_ENDPOINT_BYTES], scores[LINK_ENDPOINT_BYTES];
    const char *directory = s->service->directory;
    enum err err = link_endpoint(work, directory, "work", e);
    if (!err)
        err = link_endpoint(scores, directory, "scores", e);
    if (!err)
        err = link_endpoint(s->endpoint, directory, s->service->instance, e);
    if (!err)
        err = link_open(&s->source[WORK], ZMQ_DEALER, LINK_CONNECT, work, WORK_QUEUE, e);
    if (!err)
        err = link_open(&s->source[VERDICTS], ZMQ_PULL, LINK_BIND, s->endpoint, VERDICTS_QUEUE, e);
    if (!err)
        err = link_open(&s->scores, ZMQ_PUSH, LINK_CONNECT, scores, SCORES_QUEUE, e);
    return err;
}

static enum err open_stores(struct shell *s, struct err_text *e)
{
    struct journal *journal;
    enum err err = service_journal(s->service, &journal, e);
    return err ? err : scorer_store_open(&s->store, journal, s->service->directory, &s->service->settings, e);
}

static enum err start_core(struct shell *s, struct err_text *e)
{
    const struct settings *settings = &s->service->settings;
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_SCORER,
                                   .instance = s->service->instance,
                                   .endpoint = s->endpoint,
                                   .pid = (uint32_t)getpid(),
                                   .journal_id = journal_id(s->store.journal),
                                   .heartbeat_us = settings->heartbeat_interval_ms * 1000};
    struct scorer_limits limits = {.partitions = journal_partitions(s->store.journal),
                                   .cached_units_max = (size_t)settings->scorer_cached_units_max,
                                   .commit_interval_us = settings->commit_interval_ms * 1000};
    struct scorer_io io = {
        .ctx = s, .to_coordinator = to_coordinator, .to_publisher = to_publisher, .trouble = trouble};
    enum err err = mark_open(&s->mark, &config.unfinished, s->service->directory, s->service->instance, e);
    if (!err)
        err = random_number(&config.incarnation, e);
    if (err)
        return err;
    config.mark = s->mark;
    io.store = scorer_store_functions;
    io.store_ctx = &s->store;
    s->core = scorer_core_new(&config, &limits, s->store.catalog, &io, clock_mono_us());
    return OK;
}

static void dispatch(struct shell *s, int source, const struct wire_message *m)
{
    if (source == WORK)
        scorer_core_receive(s->core, m->kind, m->message, clock_mono_us());
    else
        scorer_core_verdicts(s->core, (const Parbus__Verdicts *)m->message, clock_mono_us());
}

/* Returns the bytes taken; 0: nothing there. */
static size_t take_one(struct shell *s, int source)
{
    static const struct {
        const struct wire_channel *channel;
        int type;
    } sources[SOURCES] = {[WORK] = {&wire_to_worker, ZMQ_DEALER}, [VERDICTS] = {&wire_to_scorer, ZMQ_PULL}};
    struct wire_message m;
    struct err_text e;
    if (link_receive(s->source[source], sources[source].type, &s->message))
        return 0;
    size_t bytes = link_bytes(&s->message);
    arena_reset(&s->arena);
    if (wire_open(sources[source].channel, link_data(&s->message), bytes, &s->arena, &m, &e))
        scorer_core_malformed(s->core, e.text);
    else
        dispatch(s, source, &m);
    return bytes + 1;
}

static void drain(struct shell *s, int source)
{
    size_t bytes = 0, one = 1;
    for (int i = 0; i < DRAIN_MESSAGES && bytes < DRAIN_BYTES && one; i++, bytes += one)
        one = take_one(s, source);
}

/* Returns whether the stop signal is there. */
static bool turn(struct shell *s, int stop_fd)
{
    int64_t wait_us = scorer_core_tick(s->core, clock_mono_us()) - clock_mono_us();
    uint32_t ready = link_poll(s->source, SOURCES, stop_fd, wait_us > 0 ? wait_us : 0);
    for (int source = 0; source < SOURCES; source++)
        if (ready >> source & 1)
            drain(s, source);
    scorer_core_flush(s->core);
    return ready >> 31;
}

/* I14: the partitions are handed over one by one; whoever is not heard commits and goes. */
static void leave(struct shell *s)
{
    int64_t end_us = clock_mono_us() + s->service->settings.release_timeout_ms * 1000;
    scorer_core_leave(s->core);
    while (!scorer_core_done(s->core) && clock_mono_us() < end_us)
        turn(s, -1);
    if (scorer_core_commit(s->core, clock_mono_us()) == OK)
        log_info("scorer.stopped", "handed_over=%s", scorer_core_done(s->core) ? "yes" : "no");
    link_poll(NULL, 0, -1, LAST_WORDS_US);
}

static enum err loop(struct shell *s, struct err_text *e)
{
    while (!turn(s, s->service->stop_fd))
        if (scorer_core_misplaced(s->core))
            return err_set(e, ERR_INVALID, "the ingestor serves another journal than the one that is open here");
    leave(s);
    return OK;
}

static void shell_close(struct shell *s)
{
    scorer_core_destroy(&s->core);
    mark_close(&s->mark);
    scorer_store_close(&s->store);
    for (int source = 0; source < SOURCES; source++)
        link_close(&s->source[source]);
    link_close(&s->scores);
    link_message_close(&s->message);
    link_shutdown();
    arena_free(&s->arena);
    buffer_free(&s->out);
}

enum err scorer_run(struct service *service, struct err_text *e)
{
    static struct shell s;
    s.service = service;
    arena_init(&s.arena, WIRE_ARENA_BYTES);
    link_message_init(&s.message);
    enum err err = open_sockets(&s, e);
    if (!err)
        err = open_stores(&s, e);
    if (!err)
        err = start_core(&s, e);
    if (!err) {
        log_info("scorer.started", "journal=%016llx partitions=%u", (unsigned long long)journal_id(s.store.journal),
                 journal_partitions(s.store.journal));
        err = loop(&s, e);
    }
    shell_close(&s);
    return err == ERR_STOPPED ? OK : err;
}
