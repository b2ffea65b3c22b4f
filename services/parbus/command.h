/* A command of `parbus`. main.c takes --help, --dir and --version out of the arguments; the table there is the only
 * list of commands, and --help is made from it. */
#pragma once
#include <getopt.h>
#include <stdbool.h>

struct command {
    const char *name;
    const char *usage;   /* what follows "parbus NAME" */
    const char *summary; /* one line */
    const char *help;    /* options and examples; shown by --help */
    /* argv[0] is the command's name; directory is absolute. Returns the exit status: 0, 1 (the work failed), 2 (usage).
     */
    int (*run)(int argc, char **argv, const char *directory);
};

/* "parbus NAME: words" and a hint at --help on standard error; returns 2. */
int command_usage_error(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "parbus NAME: words" on standard error; returns 1. */
int command_failed(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether this user may work in the directory; else says whose it is. */
bool command_may_work_in(const struct command *c, const char *directory);

/* getopt_long over long options: the option's `val`, or -1 at the end, with the other arguments from argv[optind] on.
 * '?': a usage error that has been reported. */
int command_option(const struct command *c, int argc, char **argv, const struct option *options);

/* A decimal number from `least` to `most`. */
bool command_number(const char *text, long least, long most, long *value);

/* A descriptor that can be read once SIGINT or SIGTERM has come, for a reactor's stop_fd. The process does not end by
 * them any more. Never closed: one per process. */
int command_stop_descriptor(void);

/* The catalog that comes with this program: beside it as installed, else the source tree it was built in; NULL:
 * neither. Static. */
const char *command_catalog_default(void);

/* The directory in which our own programs are. Static. */
const char *command_program_directory(void);

extern const struct command command_up, command_down, command_status, command_health, command_scale, command_push,
    command_rank, command_watch, command_explain, command_rejects, command_replay, command_backup, command_restore,
    command_load, command_catalog, command_verify, command_access, command_keys, command_join, command_feeder,
    command_feeders, command_doctor;
