/* What every service's main does first: command line, settings, log, signals, instance lock. */
#pragma once
#include "base/err.h"
#include "base/settings.h"
#include <stdbool.h>
#include <sys/types.h>

struct service {
    char directory[4096]; /* absolute */
    char instance[65];    /* "scorer-2" */
    struct settings settings;
    int stop_fd; /* readable once SIGTERM or SIGINT came (signalfd) */
    int lock_fd; /* lock on <dir>/run/<instance>.lock: one process per instance */
};

/* Parses `--dir DIR --instance NAME [--set name=value]… [--help] [--version]`, reads <dir>/parbus.conf, creates
 * <dir>/run (0700), takes the lock, blocks the stop signals, ignores SIGPIPE and SIGHUP, makes files for the owner
 * alone (umask), sets the log context. What --set says goes before the file. Returns -1 to go on, else the exit status
 * (0 after --help, 1, 2 usage). `summary` is the first line of --help. */
int service_start(struct service *s, int argc, char **argv, const char *program, const char *summary,
                  const char *instance_default);

/* An option that only one service has. It may be given value_max times; the arguments are put into value[] in order,
 * which the caller has filled with NULL; for one without an argument, "yes". */
struct service_option {
    const char *name, *argument, *text; /* "catalog", "DIR", "index definitions to publish" */
    const char **value;
    int value_max;
};
/* The same with options of the service's own; `options` ends with an entry without name; NULL: none. */
int service_start_with(struct service *s, int argc, char **argv, const char *program, const char *summary,
                       const char *instance_default, const struct service_option *options);

/* The exit status of a service whose files are damaged or gone (err_exit_status): another start would end in the same
 * way, so the supervisor holds the service back. */
enum { SERVICE_EXIT_DAMAGED = 3 };

/* After link_shutdown: whoever takes the lock next binds the same socket files. */
void service_stop(struct service *s);

/* Creates the directory with its parents, and <dir>/run, for the owner alone (0700: who can enter may use the sockets);
 * `absolute` gets its real path. A directory that was there is closed to others, or refused (access.h). */
enum err service_directory(const char *directory, char absolute[static 4096], struct err_text *e);

/* Takes <dir>/run/<name>.lock for as long as *fd is open; our pid is written into it. ERR_BUSY: somebody holds it, and
 * *holder (may be NULL) is their pid. */
enum err service_lock(const char *directory, const char *name, int *fd, pid_t *holder, struct err_text *e);
/* Whether somebody holds it, and who; takes nothing. */
bool service_locked(const char *directory, const char *name, pid_t *holder);
