#include "services/parbus/supervisor/supervisor.h"
#include "base/deadline.h"
#include "base/err.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

STATE_MACHINE(process_machine, "process", PROCESS_EDGES, "waiting", "starting", "running", "stopping", "held");

static const struct program programs[] = {
    {"ingestor", "parbus-ingestor", false, 0, 3},
    {"publisher", "parbus-publisher", false, 1, 2},
    {"validator", "parbus-validator", true, 1, 1},
    {"scorer", "parbus-scorer", true, 1, 0},
};
enum { PROGRAM_COUNT = sizeof programs / sizeof *programs };

const struct program *program_find(const char *service)
{
    for (int i = 0; i < PROGRAM_COUNT; i++)
        if (strcmp(programs[i].service, service) == 0)
            return &programs[i];
    return NULL;
}

static struct process *find(struct supervisor *s, const struct program *program, unsigned number)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->process[i].program == program && s->process[i].number == number)
            return &s->process[i];
    return NULL;
}

static struct process *add(struct supervisor *s, const struct program *program, unsigned number)
{
    ASSERT(s->count < SUPERVISOR_PROCESSES_MAX);
    struct process *p = &s->process[s->count++];
    *p = (struct process){.program = program, .number = number, .pause_us = SUPERVISOR_PAUSE_US_MIN};
    snprintf(p->instance, sizeof p->instance, "%s-%u", program->service, number);
    return p;
}

static void drop(struct supervisor *s, struct process *p)
{
    size_t after = s->count - (size_t)(p - s->process) - 1;
    memmove(p, p + 1, after * sizeof *p);
    s->count--;
}

void supervisor_scale(struct supervisor *s, const struct program *program, unsigned wanted)
{
    for (unsigned number = 1; number <= wanted && number <= SUPERVISOR_WORKERS_MAX; number++) {
        struct process *p = find(s, program, number);
        (p ? p : add(s, program, number))->wanted = true;
    }
    for (size_t i = 0; i < s->count; i++)
        if (s->process[i].program == program && s->process[i].number > wanted)
            s->process[i].wanted = false;
}

void supervisor_init(struct supervisor *s, const struct supervisor_actions *actions, unsigned validators,
                     unsigned scorers)
{
    *s = (struct supervisor){.actions = *actions};
    supervisor_scale(s, program_find("ingestor"), 1);
    supervisor_scale(s, program_find("publisher"), 1);
    supervisor_scale(s, program_find("validator"), validators);
    supervisor_scale(s, program_find("scorer"), scorers);
}

void supervisor_stop(struct supervisor *s)
{
    s->stopping = true;
    for (size_t i = 0; i < s->count; i++)
        s->process[i].wanted = false;
}

static void enter(struct process *p, enum process_state state)
{
    STATE_ENTER(&process_machine, p->state, state);
    ASSERT((p->pid != 0) == (state != PROCESS_WAITING && state != PROCESS_HELD));
}

static void ended(struct process *p, int64_t due_us)
{
    p->pid = 0;
    p->due_us = due_us;
    enter(p, PROCESS_WAITING);
}

static void hold(struct process *p)
{
    p->pid = 0;
    enter(p, PROCESS_HELD);
}

unsigned supervisor_try_again(struct supervisor *s)
{
    unsigned count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct process *p = &s->process[i];
        if (p->state != PROCESS_HELD || !p->wanted)
            continue;
        p->due_us = 0;
        p->early_deaths = 0;
        enter(p, PROCESS_WAITING);
        count++;
    }
    return count;
}

/* The next try comes after a pause; each death in a row doubles it. */
static void died(struct supervisor *s, struct process *p, int64_t now_us)
{
    if (p->pid > 0 && now_us - p->started_us >= SUPERVISOR_PROVEN_US)
        p->pause_us = SUPERVISOR_PAUSE_US_MIN;
    ended(p, now_us + p->pause_us);
    p->pause_us = earlier_us(2 * p->pause_us, SUPERVISOR_PAUSE_US_MAX);
    p->restarts++;
    ends_add(&s->ends, p->instance, now_us);
    if (!p->proven)
        p->early_deaths++;
}

static void start(struct supervisor *s, struct process *p, int64_t now_us)
{
    p->started_us = now_us;
    p->killed = p->seen = false;
    p->missing_us = 0;
    p->pid = s->actions.start(s->actions.ctx, p);
    enter(p, PROCESS_STARTING);
    if (p->pid < 0)
        died(s, p, now_us);
}

static bool phase_open(struct supervisor *s, int phase)
{
    if (phase == 0 || s->opened)
        return true;
    for (size_t i = 0; i < s->count; i++)
        if (s->process[i].program->start_phase < phase && s->process[i].state != PROCESS_RUNNING)
            return false;
    return s->opened = true;
}

/* When everything stops, what a later phase needs stays until the earlier phase is gone. */
static bool may_stop(const struct supervisor *s, const struct process *p)
{
    for (size_t i = 0; s->stopping && i < s->count; i++)
        if (s->process[i].program->stop_phase < p->program->stop_phase)
            return false;
    return true;
}

static bool hangs(const struct supervisor *s, const struct process *p, int64_t now_us)
{
    if (p->killed || p->pid == 0)
        return false;
    if (p->program->start_phase == 0) /* the ingestor, which tells of the others */
        return p->state == PROCESS_RUNNING && now_us - s->looked_us > SUPERVISOR_HUNG_INGESTOR_US;
    int64_t most = p->state == PROCESS_RUNNING ? SUPERVISOR_HUNG_US : SUPERVISOR_HUNG_STARTING_US;
    return p->missing_us && now_us - p->missing_us > most;
}

static void tick_wanted(struct supervisor *s, struct process *p, int64_t now_us)
{
    if (hangs(s, p, now_us)) {
        p->killed = true;
        s->actions.signal(s->actions.ctx, p, SIGKILL);
    }
    if (p->state == PROCESS_WAITING && now_us >= p->due_us && phase_open(s, p->program->start_phase))
        start(s, p, now_us);
}

static void tick_unwanted(struct supervisor *s, struct process *p, int64_t now_us)
{
    if (p->state != PROCESS_STOPPING && may_stop(s, p)) {
        enter(p, PROCESS_STOPPING);
        p->due_us = now_us + SUPERVISOR_STOP_GRACE_US;
        s->actions.signal(s->actions.ctx, p, SIGTERM);
    }
    if (p->state == PROCESS_STOPPING && now_us >= p->due_us && !p->killed) {
        p->killed = true;
        s->actions.signal(s->actions.ctx, p, SIGKILL);
    }
}

static void look_afresh(struct supervisor *s, int64_t now_us)
{
    for (size_t i = 0; i < s->count; i++)
        s->process[i].missing_us = 0;
    s->looked_us = now_us;
}

static int64_t deadline(const struct process *p)
{
    bool pending = p->state == PROCESS_WAITING || (p->state == PROCESS_STOPPING && !p->killed);
    return pending ? p->due_us : INT64_MAX;
}

int64_t supervisor_tick(struct supervisor *s, int64_t now_us)
{
    int64_t next = INT64_MAX;
    if (now_us - s->ticked_us > SUPERVISOR_AWAY_US)
        look_afresh(s, now_us); /* it was we who hung */
    s->ticked_us = now_us;
    for (size_t i = s->count; i-- > 0;) {
        struct process *p = &s->process[i];
        if (!p->wanted && p->pid == 0) {
            drop(s, p);
            next = now_us; /* others may have waited for this */
            continue;
        }
        if (p->wanted && p->state != PROCESS_STOPPING)
            tick_wanted(s, p, now_us);
        else
            tick_unwanted(s, p, now_us);
        /* One that waits for its phase is due already: it is woken by supervisor_seen, not by time. */
        int64_t due = deadline(p);
        if (due > now_us)
            next = earlier_us(next, due);
    }
    return next;
}

const struct process *supervisor_exited(struct supervisor *s, pid_t pid, bool damaged, int64_t now_us)
{
    for (size_t i = 0; i < s->count; i++) {
        struct process *p = &s->process[i];
        if (p->pid != pid)
            continue;
        if (p->state == PROCESS_STOPPING) /* as it was told; wanted again: another scale came meanwhile */
            ended(p, now_us);
        else if (damaged)
            hold(p);
        else
            died(s, p, now_us);
        return p;
    }
    return NULL;
}

void supervisor_seen(struct supervisor *s, const char *instance, pid_t pid)
{
    for (size_t i = 0; i < s->count; i++) {
        struct process *p = &s->process[i];
        if (p->pid != pid || strcmp(p->instance, instance) != 0)
            continue;
        p->seen = true;
        if (p->state != PROCESS_STARTING)
            continue;
        enter(p, PROCESS_RUNNING);
        p->proven = true;
    }
}

void supervisor_looked(struct supervisor *s, int64_t now_us)
{
    if (now_us - s->looked_us > SUPERVISOR_AWAY_US) /* workers need a moment to find an ingestor that has restarted */
        look_afresh(s, now_us);
    s->looked_us = now_us;
    for (size_t i = 0; i < s->count; i++) {
        struct process *p = &s->process[i];
        if (p->seen || p->pid == 0)
            p->missing_us = 0;
        else if (!p->missing_us)
            p->missing_us = now_us;
        p->seen = false;
    }
}

bool supervisor_ready(const struct supervisor *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->process[i].state != PROCESS_RUNNING || !s->process[i].wanted)
            return false;
    return !s->stopping;
}

bool supervisor_gone(const struct supervisor *s) { return s->stopping && s->count == 0; }

const struct process *supervisor_hopeless(const struct supervisor *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->process[i].early_deaths >= SUPERVISOR_EARLY_DEATHS_MAX || s->process[i].state == PROCESS_HELD)
            return &s->process[i];
    return NULL;
}
