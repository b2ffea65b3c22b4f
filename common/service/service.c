#include "service/service.h"
#include "base/log.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTIONS_MAX = 16, ASSIGNMENTS_MAX = 64, GO_ON = -1, STATUS_FAILED = 1, STATUS_USAGE = 2 };
enum { OPT_OWN = 256, OPT_DIR, OPT_INSTANCE, OPT_SET, OPT_HELP, OPT_VERSION };

struct arguments {
    const char *program, *summary, *directory, *instance;
    const struct service_option *own;
    int own_count;
    const char *assignment[ASSIGNMENTS_MAX];
    int assignment_count;
};

static const struct {
    const char *name, *argument, *text;
    int value;
} common_options[] = {
    {"dir", "DIR", "where everything lives (required)", OPT_DIR},
    {"instance", "NAME", "name of this process, one per directory", OPT_INSTANCE},
    {"set", "NAME=VALUE", "a setting; may be repeated, goes before DIR/parbus.conf", OPT_SET},
    {"help", NULL, "this text", OPT_HELP},
    {"version", NULL, "the version", OPT_VERSION},
};
enum { COMMON_COUNT = sizeof common_options / sizeof *common_options };

static void print_option(const char *name, const char *argument, const char *text)
{
    char left[40];
    snprintf(left, sizeof left, "--%s %s", name, argument ? argument : "");
    printf("  %-22s %s\n", left, text);
}

static int print_help(const struct arguments *a)
{
    printf("%s: %s\n\nusage: %s --dir DIR [option…]\n", a->program, a->summary, a->program);
    for (int i = 0; i < a->own_count; i++)
        print_option(a->own[i].name, a->own[i].argument, a->own[i].text);
    for (int i = 0; i < COMMON_COUNT; i++)
        print_option(common_options[i].name, common_options[i].argument, common_options[i].text);
    printf("\nsettings (name, default, range):\n");
    settings_print(stdout);
    return 0;
}

static int usage_error(const struct arguments *a, const char *what, const char *which)
{
    fprintf(stderr, "%s: %s%s\nTry '%s --help'.\n", a->program, what, which, a->program);
    return STATUS_USAGE;
}

static int take_own(struct arguments *a, int number, const char *value)
{
    const struct service_option *o = &a->own[number];
    if (!o->argument)
        value = "yes";
    for (int i = 0; i < o->value_max; i++)
        if (!o->value[i]) {
            o->value[i] = value;
            return GO_ON;
        }
    return usage_error(a, "given too often: --", o->name);
}

static int take_option(struct arguments *a, int option, int position, const char *value)
{
    switch (option) {
    case OPT_OWN:
        return take_own(a, position, value);
    case OPT_DIR:
        a->directory = value;
        return GO_ON;
    case OPT_INSTANCE:
        a->instance = value;
        return GO_ON;
    case OPT_SET:
        if (a->assignment_count == ASSIGNMENTS_MAX)
            return usage_error(a, "given too often: --", "set");
        a->assignment[a->assignment_count++] = value;
        return GO_ON;
    case OPT_HELP:
        return print_help(a);
    case OPT_VERSION:
        printf("%s %s\n", a->program, PARBUS_VERSION);
        return 0;
    default: /* getopt has said what is wrong */
        return usage_error(a, "these arguments are not understood", "");
    }
}

static int parse(struct arguments *a, int argc, char **argv)
{
    struct option option[OPTIONS_MAX + COMMON_COUNT + 1] = {0};
    int count = 0, position = 0, found, status = GO_ON;
    for (; count < a->own_count; count++)
        option[count] = (struct option){a->own[count].name, a->own[count].argument ? required_argument : no_argument,
                                        NULL, OPT_OWN};
    for (int i = 0; i < COMMON_COUNT; i++)
        option[count++] =
            (struct option){common_options[i].name, common_options[i].argument ? required_argument : no_argument, NULL,
                            common_options[i].value};
    optind = 0; /* a fresh start: tests call more than once */
    while (status == GO_ON && (found = getopt_long(argc, argv, "", option, &position)) != -1)
        status = take_option(a, found, position, optarg);
    if (status != GO_ON)
        return status;
    if (optind < argc)
        return usage_error(a, "unexpected argument ", argv[optind]);
    return a->directory ? GO_ON : usage_error(a, "--dir is missing", "");
}

static bool instance_ok(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length < sizeof((struct service *)0)->instance && strspn(name, allowed) == length &&
           name[0] != '.';
}

static enum err read_settings(struct service *s, const struct arguments *a, struct err_text *e)
{
    enum err err = settings_of(&s->settings, s->directory, e);
    for (int i = 0; i < a->assignment_count && !err; i++)
        err = err_wrap(e, settings_set(&s->settings, a->assignment[i], e), "--set %s", a->assignment[i]);
    if (!err && s->settings.worker_lease_ms < 2 * s->settings.heartbeat_interval_ms)
        err = err_set(e, ERR_INVALID,
                      "worker_lease_ms must be at least twice heartbeat_interval_ms: else every worker "
                      "counts as dead between two heartbeats");
    return err;
}

static enum err take_signals(struct service *s, struct err_text *e)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* there is nothing to read anew: settings hold from start to end */
    if (sigprocmask(SIG_BLOCK, &stop, NULL) != 0)
        return err_set(e, ERR_IO, "block signals: %s", strerror(errno));
    s->stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->stop_fd >= 0 ? OK : err_set(e, ERR_IO, "signalfd: %s", strerror(errno));
}

static enum err start(struct service *s, const struct arguments *a, struct err_text *e)
{
    char context[sizeof s->instance + 16];
    snprintf(s->instance, sizeof s->instance, "%s", a->instance);
    snprintf(context, sizeof context, "service=%s", s->instance);
    log_context_set(context);
    enum err err = service_directory(a->directory, s->directory, e);
    if (!err)
        err = read_settings(s, a, e);
    if (!err)
        err = take_signals(s, e);
    if (!err)
        err = service_lock(s->directory, s->instance, &s->lock_fd, NULL, e);
    return err;
}

int service_start_with(struct service *s, int argc, char **argv, const char *program, const char *summary,
                       const char *instance_default, const struct service_option *options)
{
    struct arguments a = {.program = program, .summary = summary, .instance = instance_default, .own = options};
    struct err_text e = {""};
    *s = (struct service){.stop_fd = -1, .lock_fd = -1};
    umask(077); /* also for the file of a socket, wherever an option puts it */
    err_exit_damaged(SERVICE_EXIT_DAMAGED);
    while (options && options[a.own_count].name)
        a.own_count++;
    ASSERT(a.own_count <= OPTIONS_MAX);
    int status = parse(&a, argc, argv);
    if (status != GO_ON)
        return status;
    if (!instance_ok(a.instance))
        return usage_error(&a, "an instance's name is 1 to 64 of [A-Za-z0-9._-], not ", a.instance);
    if (start(s, &a, &e) == OK)
        return GO_ON;
    log_error("service.start_failed", "why=\"%s\"", e.text);
    service_stop(s);
    return STATUS_FAILED;
}

int service_start(struct service *s, int argc, char **argv, const char *program, const char *summary,
                  const char *instance_default)
{
    return service_start_with(s, argc, argv, program, summary, instance_default, NULL);
}

void service_stop(struct service *s)
{
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    s->stop_fd = s->lock_fd = -1;
}
