#include "services/scorer/shell.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/shell.h"
#include "services/scorer/core.h"
#include "services/scorer/store.h"

enum { TURN_MESSAGES = 256 }; /* so few in a turn that heartbeats keep their time */
/* Beside those that the core knows (enum scorer_source). */
enum { STATE = SCORER_PUBLISHER + 1, SOURCES };
/* At the end: what was under way, and what came since. */
enum { LAST_COMMITS = 2 };

struct shell {
    struct worker_shell common;
    struct scorer_store store;
    struct catalog *catalog;
    struct scorer *core;
    char endpoint[LINK_ENDPOINT_BYTES]; /* where validators connect */
};

static void message(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    scorer_receive(((struct shell *)ctx)->core, source, peer, m, now);
}

static bool verdicts_wanted(void *ctx) { return scorer_takes(((struct shell *)ctx)->core); }

static void state_written(void *ctx, unsigned source, struct moment now)
{
    struct shell *s = ctx;
    (void)source;
    scorer_store_deliver(&s->store, s->core, now);
}

/* Verdicts are bounded in bytes by the ingestor's windows; beyond its queue the publisher reads state instead. */
static const struct reactor_source sources[SOURCES] = {
    [SCORER_COORDINATOR] = {.name = "work",
                            .type = ZMQ_DEALER,
                            .mode = LINK_CONNECT,
                            .options.hwm = 1000,
                            .channel = &wire_to_worker,
                            .limits.messages = TURN_MESSAGES,
                            .last_words_ms = WORKER_LAST_WORDS_MS},
    [SCORER_VERDICTS] = {.name = "verdicts",
                         .type = ZMQ_PULL,
                         .mode = LINK_BIND,
                         .options = {.hwm = 65536, .security = &gate_inside},
                         .channel = &wire_to_scorer,
                         .wanted = verdicts_wanted,
                         .limits = {.messages = TURN_MESSAGES, .bytes = 8 << 20}},
    [SCORER_PUBLISHER] = {.name = "scores",
                          .type = ZMQ_PUSH,
                          .mode = LINK_CONNECT,
                          .options.hwm = 4096,
                          .last_words_ms = WORKER_LAST_WORDS_MS},
    [STATE] = {.name = "state", .kind = REACTOR_DESCRIPTOR, .ready = state_written},
};

static int64_t tick(void *ctx, struct moment now)
{
    struct shell *s = ctx;
    struct err_text why;
    int64_t due_us = scorer_tick(s->core, now);
    worker_shell_tick(&s->common, scorer_metrics(s->core), scorer_over(s->core, &why), &why);
    return due_us;
}

/* I14: whoever is not heard commits and goes. */
static int64_t stop(void *ctx, struct moment now)
{
    struct shell *s = ctx;
    scorer_leave(s->core);
    return worker_shell_gone_us(&s->common, now);
}

static enum err open_sources(struct shell *s, const struct service *service, struct err_text *e)
{
    struct reactor_source own[SOURCES];
    struct reactor_hooks hooks = {.message = message, .tick = tick, .stop = stop};
    for (int i = 0; i < SOURCES; i++)
        own[i] = sources[i];
    own[SCORER_VERDICTS].endpoint = s->endpoint;
    s->store = (struct scorer_store){.directory = service->directory, .settings = &service->settings};
    enum err err = scorer_store_start(&s->store, e);
    if (err)
        return err;
    own[STATE].fd = state_writer_fd(s->store.writer);
    err = link_endpoint(s->endpoint, service->directory, service->instance, e);
    return err ? err : worker_shell_open(s, service, own, SOURCES, &hooks, e);
}

static enum err start_core(struct shell *s, struct err_text *e)
{
    const struct settings *settings = &s->common.service->settings;
    s->catalog = catalog_new();
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_SCORER, .endpoint = s->endpoint, .catalog = s->catalog};
    struct scorer_limits limits = {.cached_units_max = (size_t)settings->scorer_cached_units_max,
                                   .commit_interval_us = settings->commit_interval_ms * 1000};
    struct scorer_io io = {s, worker_shell_send, log_told, scorer_store_functions, &s->store};
    enum err err = worker_shell_bookmark(&s->common, &config, e);
    if (!err)
        err = worker_shell_identify(&s->common, &config, e);
    if (!err)
        s->core = scorer_new(&config, &limits, &io, clock_moment());
    return err;
}

static enum err run(struct shell *s, struct err_text *e)
{
    log_info("scorer.started", "endpoint=%s", s->endpoint);
    enum err err = reactor_run(s->common.reactor, e);
    for (int i = 0; !err && i < LAST_COMMITS && scorer_commit(s->core, clock_moment()); i++)
        err = scorer_store_wait(&s->store, s->core, clock_moment(), e);
    if (err)
        log_error("scorer.not_written", "why=\"%s\"", e->text);
    if (!err)
        log_info("scorer.stopped", "handed_over=%s", scorer_over(s->core, NULL) ? "yes" : "no");
    return err;
}

enum err scorer_run(struct service *service, struct err_text *e)
{
    static struct shell s;
    enum err err = open_sources(&s, service, e);
    if (!err)
        err = start_core(&s, e);
    if (!err)
        err = run(&s, e);
    worker_shell_close(&s);
    scorer_store_close(&s.store); /* before the core, whose work may be under way */
    scorer_destroy(&s.core);
    catalog_destroy(&s.catalog);
    return err;
}
