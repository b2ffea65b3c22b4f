#include "services/parbus/supervisor/internal.h"
#include <stdio.h>

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
    logs_show(s, p->instance);
    supervisor_stop(&s->core);
}

void start_announce(struct shell *s, int64_t now_us)
{
    s->announced = true;
    s->options->started(s->options->ctx, s->failed, serve_processes(s, now_us));
}

void start_judge(struct shell *s, int64_t now_us)
{
    const struct supervisor *core = &s->core;
    const struct process *hopeless = supervisor_hopeless(core), *late = first_not_running(core);
    unsigned running = 0;
    for (size_t i = 0; i < core->count; i++)
        running += core->process[i].state == PROCESS_RUNNING;
    if (s->options->progress)
        s->options->progress(s->options->ctx, running, (unsigned)core->count);
    if (probe_ready(s))
        start_announce(s, now_us);
    else if (core->stopping) /* told to stop before it was ready */
        s->failed = true;
    else if (hopeless)
        give_up(s, hopeless, "does not start");
    else if (now_us >= s->late_us)
        give_up(s, late ? late : &core->process[0], "is not at work in time");
}
