#include "services/parbus/supervisor/shell.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/deadline.h"
#include "base/log.h"
#include "wire/wire.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_US = 50000, PROBE_QUIET_US = 500000, TRIM_US = 10000000, CONTROL_QUEUED_MAX = 64 };

static enum err open_signals(struct shell *s, struct err_text *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP); /* the terminal went */
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd >= 0 ? OK : err_set(e, ERR_IO, "signalfd: %s", strerror(errno));
}

static enum err make_log_directory(const struct shell *s, struct err_text *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/log", s->options->directory);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_IO, "create directory %s: %s", path, strerror(errno));
    return OK;
}

static enum err open_control(struct shell *s, struct err_text *e)
{
    char endpoint[LINK_ENDPOINT_BYTES];
    enum err err = link_endpoint(endpoint, s->options->directory, "supervisor", e);
    return err ? err
               : link_open(&s->control, ZMQ_ROUTER, LINK_BIND, endpoint,
                           &(struct link_options){.hwm = CONTROL_QUEUED_MAX}, e);
}

/* Every feeder and dashboard is a descriptor, and the usual limit of 1024 is soon reached. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum err open_all(struct shell *s, struct err_text *e)
{
    raise_descriptors();
    enum err err = make_log_directory(s, e);
    if (!err)
        err = open_signals(s, e);
    if (!err)
        err = open_control(s, e);
    return err ? err : probe_open(s, e);
}

static void close_all(struct shell *s)
{
    link_message_close(&s->message);
    link_close(&s->control);
    link_close(&s->door);
    link_shutdown();
    arena_free(&s->arena);
    buffer_free(&s->out);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
}

static void read_signals(struct shell *s, int64_t now_us)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        log_info("supervisor.told_to_stop", "signal=%u", info.ssi_signo);
        supervisor_stop(&s->core);
    }
    children_reap(s, now_us);
}

static const struct process *first_not_running(const struct supervisor *core)
{
    for (size_t i = 0; i < core->count; i++)
        if (core->process[i].state != PROCESS_RUNNING)
            return &core->process[i];
    return NULL;
}

static void give_up(struct shell *s, const struct process *p, const char *why)
{
    s->failed = true;
    fprintf(stderr, "parbus: %s %s\n", p->instance, why);
    children_show_log(s, p->instance);
    supervisor_stop(&s->core);
}

static void announce(struct shell *s, int64_t now_us)
{
    s->announced = true;
    s->options->started(s->options->ctx, s->failed, control_processes(s, now_us));
}

/* Until the first time that everything runs. */
static void judge_start(struct shell *s, int64_t now_us, int64_t deadline_us)
{
    const struct supervisor *core = &s->core;
    const struct process *hopeless = supervisor_hopeless(core), *late = first_not_running(core);
    unsigned running = 0;
    for (size_t i = 0; i < core->count; i++)
        running += core->process[i].state == PROCESS_RUNNING;
    if (s->options->progress)
        s->options->progress(s->options->ctx, running, (unsigned)core->count);
    if (probe_ready(s))
        announce(s, now_us);
    else if (core->stopping) /* told to stop before it was ready */
        s->failed = true;
    else if (hopeless)
        give_up(s, hopeless, "does not start");
    else if (now_us >= deadline_us)
        give_up(s, late ? late : &core->process[0], "is not at work in time");
}

static int64_t do_due(struct shell *s, int64_t now_us)
{
    int64_t next = earlier_us(supervisor_tick(&s->core, now_us), s->next_trim_us);
    if (now_us >= s->next_trim_us) {
        children_trim_logs(s);
        s->next_trim_us = now_us + TRIM_US;
    }
    if (s->core.stopping)
        return next;
    int64_t most_us = probe_ready(s) ? PROBE_QUIET_US : PROBE_US;
    if (now_us >= s->next_probe_us) {
        probe_ask(s);
        s->next_probe_us = now_us + most_us;
    }
    s->next_probe_us = earlier_us(s->next_probe_us, now_us + most_us);
    return earlier_us(next, s->next_probe_us);
}

static void loop(struct shell *s)
{
    int64_t now = clock_mono_us(), deadline = now + SUPERVISOR_READY_MS_MAX * 1000ll;
    while (!supervisor_gone(&s->core)) {
        int64_t next = do_due(s, now);
        if (!s->announced)
            judge_start(s, now, deadline);
        link_poll((void *[]){s->control, s->door}, 2, s->signal_fd, next > now ? next - now : 0);
        now = clock_mono_us();
        read_signals(s, now);
        probe_read(s);
        control_serve(s, now);
    }
    if (!s->announced)
        announce(s, now);
}

int supervisor_run(const struct supervisor_options *options)
{
    static struct shell s;
    struct err_text e;
    s = (struct shell){.options = options, .signal_fd = -1};
    date_format_ms(clock_wall_ms(), s.began);
    link_message_init(&s.message);
    arena_init(&s.arena, WIRE_ARENA_BYTES);
    supervisor_init(&s.core, &(struct supervisor_actions){&s, children_start, children_signal}, options->validators,
                    options->scorers);
    enum err err = open_all(&s, &e);
    if (!err) {
        loop(&s);
    } else {
        fprintf(stderr, "parbus: %s\n", e.text);
        options->started(options->ctx, 1, control_processes(&s, clock_mono_us()));
    }
    close_all(&s);
    return err || s.failed;
}
