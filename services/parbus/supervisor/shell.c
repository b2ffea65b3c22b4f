#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "gate/gate.h"
#include "services/parbus/supervisor/internal.h"
#include <stdio.h>
#include <sys/resource.h>

enum { QUESTIONS_QUEUED_MAX = 64, PROBES_QUEUED_MAX = 4 };

/* Every feeder and dashboard is a descriptor, and the usual limit of 1024 is soon reached. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void message(void *shell, unsigned source, struct peer peer, const struct wire_message *m, struct moment now)
{
    (void)source, (void)peer;
    probe_answer(shell, m, now.mono_us);
}

static int64_t tick(void *shell, struct moment now)
{
    struct shell *s = shell;
    int64_t next_us = supervisor_tick(&s->core, now.mono_us);
    if (!s->announced)
        start_judge(s, now.mono_us);
    if (supervisor_gone(&s->core))
        reactor_end(s->reactor);
    return s->core.stopping ? next_us : earlier_us(next_us, probe_tick(s, now.mono_us));
}

static enum err open_reactor(struct shell *s, struct err_text *e)
{
    s->gate =
        gate_new(&(struct gate_options){.directory = s->options->directory, .reactor = &s->reactor, .tell = log_told});
    const struct reactor_source sources[SOURCE_COUNT] = {
        [SOURCE_OPERATORS] = {.name = "supervisor",
                              .type = ZMQ_ROUTER,
                              .mode = LINK_BIND,
                              .options = {.hwm = QUESTIONS_QUEUED_MAX, .security = &gate_inside},
                              .frame = serve_question},
        [SOURCE_DOOR] = {.name = "door",
                         .type = ZMQ_DEALER,
                         .mode = LINK_CONNECT,
                         .options = {.hwm = PROBES_QUEUED_MAX},
                         .channel = &wire_to_feeder},
        [SOURCE_SIGNALS] = {.name = "signals", REACTOR_DESCRIPTOR, .fd = s->signal_fd, .ready = signals_read},
        [SOURCE_LOGS] = {.name = "logs", REACTOR_TIMER, .due = logs_trim},
        [SOURCE_GATE] = gate_source(s->gate),
    };
    const struct reactor_options options = {.hooks = {.ctx = s, .message = message, .tick = tick, .tell = log_told},
                                            .sources = sources,
                                            .count = SOURCE_COUNT,
                                            .directory = s->options->directory};
    return reactor_open(&s->reactor, &options, e);
}

static enum err open_all(struct shell *s, struct err_text *e)
{
    raise_descriptors();
    enum err err = logs_open(s, e);
    if (!err)
        err = signals_open(s, e);
    return err ? err : open_reactor(s, e);
}

static void close_all(struct shell *s)
{
    reactor_close(&s->reactor);
    gate_destroy(&s->gate);
    link_shutdown();
    arena_free(&s->arena);
    buffer_free(&s->out);
    signals_close(s);
}

int supervisor_run(const struct supervisor_options *options)
{
    static struct shell s;
    struct err_text e;
    struct moment now = clock_moment();
    s = (struct shell){.options = options, .signal_fd = -1, .late_us = now.mono_us + SUPERVISOR_READY_MS_MAX * 1000ll};
    date_format_ms(now.wall_ms, s.began);
    arena_init(&s.arena, WIRE_ARENA_BYTES);
    supervisor_init(&s.core, &(struct supervisor_actions){&s, children_start, children_signal}, options->validators,
                    options->scorers);
    enum err err = open_all(&s, &e);
    if (!err)
        err = reactor_run(s.reactor, &e);
    if (err)
        fprintf(stderr, "parbus: %s\n", e.text);
    s.failed = s.failed || err;
    if (!s.announced)
        start_announce(&s, clock_mono_us());
    close_all(&s);
    return s.failed;
}
