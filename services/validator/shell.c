#include "services/validator/shell.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "service/shell.h"
#include "services/validator/core.h"
#include "services/validator/outlets.h"
#include <unistd.h>

enum {
    DRAIN_MAX = 256,             /* messages in one turn of the loop, so that heartbeats keep their time */
    WORK_QUEUE_MESSAGES = 65536, /* the ingestor's windows bound it in bytes */
    DRAINED_US = 200000,         /* no work for so long after Leave: nothing is under way any more */
};

struct shell {
    struct worker_shell common;
    struct catalog *catalog;
    struct validator *core;
    void *work;
    struct outlets outlets;
};

static enum err to_coordinator(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct shell *s = ctx;
    return worker_shell_send(&s->common, s->work, kind, message);
}

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    struct shell *s = ctx;
    struct buffer *out = &s->common.out;
    struct err_text e;
    buffer_clear(out);
    wire_pack(out, PARBUS__TO_SCORER__BODY_VERDICTS, &verdicts->base);
    enum err err = outlets_send(&s->outlets, endpoint, out->data, out->size, clock_mono_us(), &e);
    if (err && err != ERR_BUSY)
        log_warn("validator.send_failed", "why=\"%s\"", e.text);
    return err;
}

static enum err open_work(struct shell *s, struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    enum err err = link_endpoint(endpoint, s->common.service->directory, "work", e);
    return err ? err
               : link_open(&s->work, ZMQ_DEALER, LINK_CONNECT, endpoint,
                           &(struct link_options){.hwm = WORK_QUEUE_MESSAGES}, e);
}

static enum err start_core(struct shell *s, struct err_text *e)
{
    s->catalog = catalog_new();
    struct worker_config config = {.role = PARBUS__ROLE__ROLE_VALIDATOR, .catalog = s->catalog};
    struct validator_io io = {s, to_coordinator, to_scorer, worker_shell_trouble};
    enum err err = worker_shell_bookmark(&s->common, &config, e);
    if (!err)
        err = worker_shell_identify(&s->common, &config, e);
    if (!err)
        s->core = validator_new(&config, &io, clock_mono_us());
    return err;
}

static bool take_one(struct shell *s)
{
    struct wire_message m;
    struct err_text e;
    enum err err = worker_shell_receive(&s->common, s->work, ZMQ_DEALER, &wire_to_worker, &m, &e);
    if (err == ERR_BUSY)
        return false;
    if (err)
        validator_malformed(s->core, e.text);
    else
        validator_receive(s->core, m.kind, m.message, clock_mono_us());
    return true;
}

static int drain(struct shell *s)
{
    int taken = 0;
    while (taken < DRAIN_MAX && take_one(s))
        taken++;
    return taken;
}

/* One turn; returns whether the stop signal is there. */
static bool turn(struct shell *s)
{
    int64_t due_us = validator_tick(s->core, clock_mono_us());
    uint32_t ready = link_poll(&s->work, 1, s->common.service->stop_fd, us_until(due_us, clock_mono_us()));
    if (ready & 1)
        drain(s);
    outlets_close_unused(&s->outlets, clock_mono_us());
    return ready >> 31;
}

/* I14: what is on its way here is still done. */
static void leave(struct shell *s)
{
    int64_t now_us = clock_mono_us(), quiet_us = now_us;
    int64_t end_us = now_us + s->common.service->settings.release_timeout_ms * 1000;
    validator_leave(s->core);
    for (; now_us < end_us && now_us - quiet_us < DRAINED_US; now_us = clock_mono_us()) {
        uint32_t ready = link_poll(&s->work, 1, -1, quiet_us + DRAINED_US - now_us);
        validator_tick(s->core, clock_mono_us());
        if (ready & 1 && drain(s))
            quiet_us = clock_mono_us();
    }
    worker_shell_last_words();
}

static enum err loop(struct shell *s, struct err_text *e)
{
    enum err err = OK;
    while (!turn(s) && !err)
        err = validator_over(s->core, e);
    if (!err)
        leave(s);
    return err;
}

static void shell_close(struct shell *s)
{
    validator_destroy(&s->core);
    catalog_destroy(&s->catalog);
    link_close(&s->work);
    outlets_close(&s->outlets);
    worker_shell_close(&s->common);
}

enum err validator_run(struct service *service, struct err_text *e)
{
    static struct shell s;
    worker_shell_open(&s.common, service);
    enum err err = open_work(&s, e);
    if (!err)
        err = start_core(&s, e);
    if (!err) {
        log_info("validator.started", "pid=%d", (int)getpid());
        err = loop(&s, e);
    }
    shell_close(&s);
    return err;
}
