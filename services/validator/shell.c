#include "services/validator/shell.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/shell.h"
#include "services/validator/core.h"
#include "services/validator/outlets.h"

enum { OUTLET_UNUSED_US = 30000000 };

struct shell {
    struct worker_shell common;
    struct outlets outlets;
    struct catalog *catalog;
    struct validator *core;
};

static int64_t close_outlets(void *ctx, struct moment now)
{
    outlets_close_unused(&((struct shell *)ctx)->outlets);
    return now.mono_us + OUTLET_UNUSED_US;
}

/* The ingestor's windows bound what is queued in bytes. So few messages in a turn that heartbeats keep their time. */
static const struct reactor_source sources[] = {
    [VALIDATOR_COORDINATOR] = {.name = "work",
                               .type = ZMQ_DEALER,
                               .mode = LINK_CONNECT,
                               .options.hwm = 65536,
                               .channel = &wire_to_worker,
                               .limits.messages = 256,
                               .last_words_ms = WORKER_LAST_WORDS_MS},
    {.name = "outlets", .kind = REACTOR_TIMER, .due = close_outlets},
};

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    struct shell *s = ctx;
    struct err_text e;
    enum err err = outlets_send(&s->outlets, endpoint, verdicts, &e);
    if (err && err != ERR_BUSY)
        log_warn("validator.send_failed", "why=\"%s\"", e.text);
    return err;
}

static void message(void *ctx, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    validator_receive(((struct shell *)ctx)->core, source, peer, m, now);
}

static int64_t tick(void *ctx, struct moment now)
{
    struct shell *s = ctx;
    struct err_text why;
    int64_t due_us = validator_tick(s->core, now);
    worker_shell_tick(&s->common, validator_metrics(s->core), validator_over(s->core, &why), &why);
    return due_us;
}

static int64_t stop(void *ctx, struct moment now)
{
    struct shell *s = ctx;
    validator_leave(s->core, now);
    return worker_shell_gone_us(&s->common, now);
}

static enum err start_core(struct shell *s, struct err_text *e)
{
    s->outlets.reactor = s->common.reactor;
    s->catalog = catalog_new();
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_VALIDATOR, .catalog = s->catalog};
    struct validator_io io = {s, worker_shell_send, log_told, to_scorer};
    enum err err = worker_shell_bookmark(&s->common, &config, e);
    if (!err)
        err = worker_shell_identify(&s->common, &config, e);
    if (!err)
        s->core = validator_new(&config, &io, clock_moment());
    return err;
}

enum err validator_run(struct service *service, struct err_text *e)
{
    static struct shell s;
    enum err err = worker_shell_open(&s, service, sources, sizeof sources / sizeof *sources,
                                     &(struct reactor_hooks){.message = message, .tick = tick, .stop = stop}, e);
    if (!err)
        err = start_core(&s, e);
    if (!err) {
        log_info("validator.started", "instance=%s", service->instance);
        err = reactor_run(s.common.reactor, e);
    }
    outlets_close(&s.outlets);
    worker_shell_close(&s);
    validator_destroy(&s.core);
    catalog_destroy(&s.catalog);
    return err;
}
