#include "services/scorer/shell.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "service/shell.h"
#include "services/scorer/core.h"
#include "services/scorer/store.h"

enum {
    DRAIN_MESSAGES = 256, /* in one turn of the loop, so that commits and heartbeats keep their time */
    DRAIN_BYTES = 8 << 20,
    VERDICTS_QUEUE = 65536, /* the ingestor's windows bound it in bytes */
    SCORES_QUEUE = 4096,    /* beyond it the publisher reads state instead */
    WORK_QUEUE = 1000,
};

enum { WORK, VERDICTS, SOURCES };

struct shell {
    struct worker_shell common;
    struct scorer_store store;
    struct catalog *catalog;
    struct scorer *core;
    void *source[SOURCES];
    void *scores;
    char endpoint[LINK_ENDPOINT_BYTES]; /* where validators connect */
};

static enum err to_coordinator(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    return worker_shell_send(&s->common, s->source[WORK], kind, message);
}

static enum err to_publisher(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    return worker_shell_send(&s->common, s->scores, kind, message);
}

static enum err open_sockets(struct shell *s, struct err_text *e)
{
    char work[LINK_ENDPOINT_BYTES], scores[LINK_ENDPOINT_BYTES];
    const struct service *service = s->common.service;
    enum err err = link_endpoint(work, service->directory, "work", e);
    if (!err)
        err = link_endpoint(scores, service->directory, "scores", e);
    if (!err)
        err = link_endpoint(s->endpoint, service->directory, service->instance, e);
    if (!err)
        err = link_open(&s->source[WORK], ZMQ_DEALER, LINK_CONNECT, work, &(struct link_options){.hwm = WORK_QUEUE}, e);
    if (!err)
        err = link_open(&s->source[VERDICTS], ZMQ_PULL, LINK_BIND, s->endpoint,
                        &(struct link_options){.hwm = VERDICTS_QUEUE}, e);
    if (!err)
        err = link_open(&s->scores, ZMQ_PUSH, LINK_CONNECT, scores, &(struct link_options){.hwm = SCORES_QUEUE}, e);
    return err;
}

static enum err start_core(struct shell *s, struct err_text *e)
{
    const struct settings *settings = &s->common.service->settings;
    s->store = (struct scorer_store){.directory = s->common.service->directory, .settings = settings};
    s->catalog = catalog_new();
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_SCORER, .endpoint = s->endpoint, .catalog = s->catalog};
    struct scorer_limits limits = {.cached_units_max = (size_t)settings->scorer_cached_units_max,
                                   .commit_interval_us = settings->commit_interval_ms * 1000};
    struct scorer_io io = {.ctx = s,
                           .to_coordinator = to_coordinator,
                           .to_publisher = to_publisher,
                           .trouble = worker_shell_trouble,
                           .store = scorer_store_functions,
                           .store_ctx = &s->store};
    enum err err = worker_shell_bookmark(&s->common, &config, e);
    if (!err)
        err = worker_shell_identify(&s->common, &config, e);
    if (!err)
        s->core = scorer_new(&config, &limits, &io, clock_mono_us());
    return err;
}

static void dispatch(struct shell *s, int source, const struct wire_message *m)
{
    if (source == WORK)
        scorer_receive(s->core, m->kind, m->message, clock_mono_us());
    else
        scorer_verdicts(s->core, (const Parbus__Verdicts *)m->message, clock_mono_us());
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
    enum err err =
        worker_shell_receive(&s->common, s->source[source], sources[source].type, sources[source].channel, &m, &e);
    if (err == ERR_BUSY)
        return 0;
    if (err)
        scorer_malformed(s->core, e.text);
    else
        dispatch(s, source, &m);
    return link_bytes(&s->common.message) + 1;
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
    int64_t due_us = scorer_tick(s->core, clock_mono_us());
    uint32_t ready = link_poll(s->source, SOURCES, stop_fd, us_until(due_us, clock_mono_us()));
    for (int source = 0; source < SOURCES; source++)
        if (ready >> source & 1)
            drain(s, source);
    scorer_flush(s->core);
    return ready >> 31;
}

/* I14: the partitions are handed over one by one; whoever is not heard commits and goes. */
static void leave(struct shell *s)
{
    int64_t end_us = clock_mono_us() + s->common.service->settings.release_timeout_ms * 1000;
    scorer_leave(s->core);
    while (!scorer_done(s->core) && clock_mono_us() < end_us)
        turn(s, -1);
    if (scorer_commit(s->core, clock_mono_us()) == OK)
        log_info("scorer.stopped", "handed_over=%s", scorer_done(s->core) ? "yes" : "no");
    worker_shell_last_words();
}

static enum err loop(struct shell *s, struct err_text *e)
{
    enum err err = OK;
    while (!turn(s, s->common.service->stop_fd) && !err)
        err = scorer_over(s->core, e);
    if (!err)
        leave(s);
    return err;
}

static void shell_close(struct shell *s)
{
    scorer_destroy(&s->core);
    scorer_store_close(&s->store);
    catalog_destroy(&s->catalog);
    for (int source = 0; source < SOURCES; source++)
        link_close(&s->source[source]);
    link_close(&s->scores);
    worker_shell_close(&s->common);
}

enum err scorer_run(struct service *service, struct err_text *e)
{
    static struct shell s;
    worker_shell_open(&s.common, service);
    enum err err = open_sockets(&s, e);
    if (!err)
        err = start_core(&s, e);
    if (!err) {
        log_info("scorer.started", "endpoint=%s", s.endpoint);
        err = loop(&s, e);
    }
    shell_close(&s);
    return err;
}
