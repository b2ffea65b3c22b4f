/* What the parts of the supervisor's shell share. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "base/date.h"
#include "reactor/reactor.h"
#include "services/parbus/supervisor/shell.h"
#include "services/parbus/supervisor/supervisor.h"
#include <limits.h>

enum shell_source { SOURCE_OPERATORS, SOURCE_DOOR, SOURCE_SIGNALS, SOURCE_LOGS, SOURCE_GATE, SOURCE_COUNT };

struct shell {
    const struct supervisor_options *options;
    struct supervisor core;
    struct reactor *reactor;
    struct gate *gate;
    int signal_fd;
    int64_t next_probe_us, late_us; /* late_us: whoever is not at work by then never will be */
    struct arena arena;             /* what a question was unpacked into */
    struct buffer out;
    bool all_served; /* since the last change, every partition was seen in a scorer's hands */
    bool announced, failed;
    char began[DATE_TEXT_BYTES]; /* as at the beginning of a log line */
};

/* ---- children.c ---- */

pid_t children_start(void *shell, const struct process *process);
void children_signal(void *shell, const struct process *process, int signal);
void children_reap(struct shell *s, int64_t now_us);

/* ---- logs.c ---- */

enum err logs_open(const struct shell *s, struct err_text *e);
void logs_path(const struct shell *s, const char *instance, char path[static PATH_MAX]);
/* Keeps each log file below its limit: the old part moves to <instance>.log.1. A timer of the reactor. */
int64_t logs_trim(void *shell, struct moment now);
/* The last lines that a process has logged since we began, on standard error. */
void logs_show(const struct shell *s, const char *instance);

/* ---- signals.c: SIGCHLD, and whatever tells us to stop; SIGHUP does not ---- */

enum err signals_open(struct shell *s, struct err_text *e);
void signals_read(void *shell, unsigned source, struct moment now);
void signals_close(struct shell *s);

/* ---- serve.c ---- */

/* Does what the question wants, if whoever asks may (U5), and refuses it else. What has no body after it is answered by
 * the processes. */
void serve_answer(struct shell *s, const char *principal, const Parbus__ToSupervisor *question,
                  Parbus__FromSupervisor *answer);
/* Answers a question that came on the socket for operators. */
void serve_question(void *shell, unsigned source, struct link_message *m, struct moment now);
/* The processes as they are; lives until the next call. */
const Parbus__Processes *serve_processes(const struct shell *s, int64_t now_us);

/* ---- probe.c: asks the ingestor who is at work (rule D13) ---- */

/* Asks when it is time; returns when it is time again. */
int64_t probe_tick(struct shell *s, int64_t now_us);
void probe_answer(struct shell *s, const struct wire_message *m, int64_t now_us);
/* Everything runs and is at work, and every partition is in a scorer's hands. */
bool probe_ready(const struct shell *s);

/* ---- start.c ---- */

/* Until the first time that everything runs, or it is plain that it will not: then the caller is told. */
void start_judge(struct shell *s, int64_t now_us);
void start_announce(struct shell *s, int64_t now_us);
