/* The supervisor's shell: real processes, their logs, signals, the control socket, and the loop around the core. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "base/date.h"
#include "base/err.h"
#include "link/link.h"
#include "services/parbus/supervisor/supervisor.h"
#include "supervisor.pb-c.h"

enum { SUPERVISOR_READY_MS_MAX = 30000, SUPERVISOR_PASSED_MAX = 64 };

/* An option that goes on to the processes of a service, or to all (NULL): {"ingestor", "--door", "tcp://…"}. */
struct supervisor_passed {
    const char *service, *option, *value;
};

struct supervisor_options {
    const char *directory; /* absolute; exists, with run/ in it; the supervisor's lock is held */
    unsigned validators, scorers;
    struct supervisor_passed passed[SUPERVISOR_PASSED_MAX];
    size_t passed_count;
    /* Called once: everything runs (0), or will not and everything has been stopped again (1). */
    void (*started)(void *ctx, int status, const Parbus__Processes *processes);
    /* How far the start is; may be NULL. */
    void (*progress)(void *ctx, unsigned running, unsigned all);
    void *ctx;
};

struct shell {
    const struct supervisor_options *options;
    struct supervisor core;
    int signal_fd;
    void *control, *door;
    int64_t next_probe_us, next_trim_us;
    struct link_message message;
    struct arena arena;
    struct buffer out;
    bool settled; /* since the last change, every partition was seen in a scorer's hands */
    bool announced, failed;
    char began[DATE_TEXT_BYTES]; /* as at the beginning of a log line */
};

/* Runs everything until it is told to stop. Returns the exit status. */
int supervisor_run(const struct supervisor_options *options);

/* children.c */
pid_t children_start(void *shell, const struct process *process);
void children_signal(void *shell, const struct process *process, int signal);
void children_reap(struct shell *s, int64_t now_us);
/* Keeps each log file below its limit: the old part moves to <instance>.log.1. */
void children_trim_logs(struct shell *s);
/* The last lines that a process has logged since we began, on standard error. */
void children_show_log(const struct shell *s, const char *instance);

/* serve.c: answers what waits on the control socket. */
void control_serve(struct shell *s, int64_t now_us);
/* The processes as they are; lives until the next call. */
const Parbus__Processes *control_processes(const struct shell *s, int64_t now_us);

/* probe.c: asks the ingestor who is at work (rule D13), and reads its answers. */
enum err probe_open(struct shell *s, struct err_text *e);
void probe_ask(struct shell *s);
void probe_read(struct shell *s);
/* Everything runs and is at work, and every partition is in a scorer's hands. */
bool probe_ready(const struct shell *s);
