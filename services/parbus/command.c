#include "services/parbus/command.h"
#include "base/err.h"
#include "service/access.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static void complain(const struct command *c, const char *format, va_list args)
{
    fprintf(stderr, "parbus %s: ", c->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int command_usage_error(const struct command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(c, format, args);
    va_end(args);
    fprintf(stderr, "usage: parbus %s %s\nTry 'parbus %s --help'.\n", c->name, c->usage, c->name);
    return 2;
}

int command_failed(const struct command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(c, format, args);
    va_end(args);
    return 1;
}

bool command_may_work_in(const struct command *c, const char *directory)
{
    struct err_text e;
    if (!service_may_work_in(directory, &e))
        return true;
    command_failed(c, "%s", e.text);
    return false;
}

int command_option(const struct command *c, int argc, char **argv, const struct option *options)
{
    opterr = 0;
    int found = getopt_long(argc, argv, ":", options, NULL);
    if (found == ':')
        command_usage_error(c, "%s wants a value", argv[optind - 1]);
    else if (found == '?')
        command_usage_error(c, "unknown option %s", argv[optind - 1]);
    return found == ':' ? '?' : found;
}

bool command_number(const char *text, long least, long most, long *value)
{
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return end != text && !*end && !errno && *value >= least && *value <= most;
}

int command_stop_descriptor(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    ASSERT(fd >= 0);
    return fd;
}

const char *command_program_directory(void)
{
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return ".";
    path[n] = 0;
    char *slash = strrchr(path, '/');
    *slash = 0;
    return path;
}

const char *command_catalog_default(void)
{
    static const char *const places[] = {"../share/parbus/catalog", "../../../catalog"};
    static char real[PATH_MAX];
    struct stat st;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char path[2 * PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", command_program_directory(), places[i]);
        if (realpath(path, real) && stat(real, &st) == 0 && S_ISDIR(st.st_mode))
            return real;
    }
    return NULL;
}
