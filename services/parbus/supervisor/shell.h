/* The supervisor's shell: real processes, their logs, signals and the socket for operators around the core. One per
 * process.
 */
#pragma once
#include "supervisor.pb-c.h"
#include <stddef.h>

enum { SUPERVISOR_READY_MS_MAX = 30000, SUPERVISOR_PASSED_MAX = 64, SUPERVISOR_OPTION_BYTES = 4200 };

/* An option that goes on to the processes of a service, or to all (NULL): {"ingestor", "--door", "tcp://…"}. A value of
 * NULL: it has none. */
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

/* Runs everything until it is told to stop. Returns the exit status. */
int supervisor_run(const struct supervisor_options *options);
