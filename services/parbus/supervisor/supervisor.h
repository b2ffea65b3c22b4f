/* The supervisor's core: which processes there should be, when one is started, started again, told to stop or killed.
 * Pure: time comes in, processes are started and signalled through the two actions. shell.c has the rest.
 * Its processes are in the states of PROCESS_EDGES. */
#pragma once
#include "base/ends.h"
#include "base/states.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SUPERVISOR_WORKERS_MAX = 64, /* of one service */
    SUPERVISOR_PROCESSES_MAX = 2 + 2 * SUPERVISOR_WORKERS_MAX,
    SUPERVISOR_EARLY_DEATHS_MAX = 3, /* a process that dies so often before it was ever seen at work will never be */
    SUPERVISOR_INSTANCE_BYTES = 32,
};
#define SUPERVISOR_PAUSE_US_MIN 50000
#define SUPERVISOR_PAUSE_US_MAX 5000000
#define SUPERVISOR_PROVEN_US 10000000     /* alive for so long: the next pause is the least again */
#define SUPERVISOR_STOP_GRACE_US 10000000 /* from SIGTERM to SIGKILL */
#define SUPERVISOR_HUNG_US 2500000        /* so long after it counts as dead, one that hangs is killed, */
#define SUPERVISOR_HUNG_STARTING_US 60000000
#define SUPERVISOR_HUNG_INGESTOR_US 10000000 /* ... and an ingestor that does not answer for so long */
#define SUPERVISOR_AWAY_US 1000000           /* who did not look for so long has seen nobody hang */

struct program {
    const char *service, *file;
    bool scalable;
    int start_phase; /* phase 1 waits until everything of phase 0 was seen at work: the journal is there then */
    int stop_phase;  /* lower ones first: scorers hand over while the ingestor still listens */
};
/* NULL: no such service. */
const struct program *program_find(const char *service);

/* WAITING: there is no process, for it is not its turn or it died; one that is not wanted any more leaves the table.
 * HELD: there is none, and none is started until a person has mended what it stumbled over. */
enum process_state { PROCESS_WAITING, PROCESS_STARTING, PROCESS_RUNNING, PROCESS_STOPPING, PROCESS_HELD };

#define PROCESS_EDGES(X)                                                                                               \
    X(PROCESS_WAITING, PROCESS_STARTING, "its phase is open, its pause over: started")                                 \
    X(PROCESS_STARTING, PROCESS_RUNNING, "seen at work")                                                               \
    X(PROCESS_STARTING, PROCESS_WAITING, "died: again after a pause, which each death in a row doubles")               \
    X(PROCESS_RUNNING, PROCESS_WAITING, "died")                                                                        \
    X(PROCESS_STARTING, PROCESS_HELD, "a file is damaged or gone: another start would end likewise")                   \
    X(PROCESS_RUNNING, PROCESS_HELD, "a file is damaged or gone")                                                      \
    X(PROCESS_HELD, PROCESS_WAITING, "a person says that it is mended")                                                \
    X(PROCESS_STARTING, PROCESS_STOPPING, "not wanted any more: SIGTERM")                                              \
    X(PROCESS_RUNNING, PROCESS_STOPPING, "not wanted any more: SIGTERM")                                               \
    X(PROCESS_STOPPING, PROCESS_WAITING, "ended as it was told; wanted again meanwhile, or it leaves the table")
extern const struct state_machine process_machine;

struct process {
    const struct program *program;
    unsigned number;
    char instance[SUPERVISOR_INSTANCE_BYTES]; /* "scorer-2" */
    enum process_state state;
    pid_t pid; /* 0: none */
    bool wanted, proven, killed;
    unsigned restarts, early_deaths;
    int64_t due_us; /* WAITING: start; STOPPING: kill */
    int64_t started_us, pause_us;
    bool seen;          /* at work, in the ingestor's newest answer */
    int64_t missing_us; /* since then the ingestor answers and does not count it as live; 0: it does */
};

struct supervisor_actions {
    void *ctx;
    /* The new process's id; -1: it could not be started, which counts as a death. */
    pid_t (*start)(void *ctx, const struct process *process);
    void (*signal)(void *ctx, const struct process *process, int signal);
};

struct supervisor {
    struct supervisor_actions actions;
    struct process process[SUPERVISOR_PROCESSES_MAX];
    size_t count;
    struct ends ends; /* of processes that nobody told to stop */
    bool opened, stopping;
    int64_t looked_us, ticked_us;
};

void supervisor_init(struct supervisor *s, const struct supervisor_actions *actions, unsigned validators,
                     unsigned scorers);
/* Does what is due and returns when to be called again. */
int64_t supervisor_tick(struct supervisor *s, int64_t now_us);
/* A child has ended. `damaged`: as it does when a file is damaged or gone, so that another start would end likewise.
 * NULL: not one of ours. */
const struct process *supervisor_exited(struct supervisor *s, pid_t pid, bool damaged, int64_t now_us);
/* The process was seen at work (the ingestor answers; a worker has said hello to it). */
void supervisor_seen(struct supervisor *s, const char *instance, pid_t pid);
/* The ingestor has answered, and everybody that is at work has been seen. A process that hangs is killed by a later
 * tick: it may hold the lock of a database, and then nobody else can go on. */
void supervisor_looked(struct supervisor *s, int64_t now_us);
/* From now on there are `wanted` processes of a scalable service; the highest numbers go first. */
void supervisor_scale(struct supervisor *s, const struct program *program, unsigned wanted);
/* A person has mended what they stumbled over: those that are held back are started with the next tick. Returns how
 * many they are. */
unsigned supervisor_try_again(struct supervisor *s);
void supervisor_stop(struct supervisor *s);

bool supervisor_ready(const struct supervisor *s); /* every process runs and was seen at work; none is on its way out */
bool supervisor_gone(const struct supervisor *s);  /* stopped, and no process is left */
/* The process that keeps the first start from ever being complete; NULL: none. */
const struct process *supervisor_hopeless(const struct supervisor *s);
