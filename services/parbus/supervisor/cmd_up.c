#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "journal/journal.h"
#include "service/service.h"
#include "services/parbus/ask/await.h"
#include "services/parbus/catalog/directory.h"
#include "services/parbus/supervisor/ask.h"
#include "services/parbus/supervisor/differs.h"
#include "services/parbus/supervisor/running.h"
#include "services/parbus/supervisor/shell.h"
#include "services/parbus/supervisor/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEFTOVER_MS_MAX = 5000, LEFTOVER_LOOK_MS = 50 };

struct up {
    struct supervisor_options options;
    char directory[4096], catalog[PATH_MAX];
    const char *catalog_wanted;
    bool detach, progress_shown;
    bool scorers_asked, validators_asked;
    size_t passed_asked; /* of options.passed, those that were given */
    int report_fd;       /* --detach: where the waiting parent reads our status; else -1 */
};

static unsigned share_of_processors(unsigned one_per)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned workers = n > 0 ? (unsigned)n / one_per : 1;
    return workers < 1 ? 1 : workers > SUPERVISOR_WORKERS_MAX ? SUPERVISOR_WORKERS_MAX : workers;
}

static bool is_terminal(void) { return isatty(STDERR_FILENO); }

static void progress(void *ctx, unsigned running, unsigned all)
{
    struct up *up = ctx;
    if (!is_terminal())
        return;
    fprintf(stderr, "\rprocesses started: %u of %u ", running, all);
    up->progress_shown = true;
}

static void end_progress(struct up *up)
{
    if (up->progress_shown)
        fprintf(stderr, "\r\033[K");
    up->progress_shown = false;
}

/* From here on the supervisor lives without the terminal it was started from. */
static void leave_terminal(const struct up *up)
{
    char path[PATH_MAX];
    fflush(NULL);
    snprintf(path, sizeof path, "%s/log/supervisor.log", up->directory);
    int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    int in = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    dup2(in, STDIN_FILENO);
    dup2(out >= 0 ? out : in, STDOUT_FILENO);
    dup2(out >= 0 ? out : in, STDERR_FILENO);
    close(in);
    if (out >= 0)
        close(out);
}

static void report(struct up *up, int status)
{
    unsigned char byte = (unsigned char)status;
    if (up->report_fd < 0)
        return;
    leave_terminal(up);
    while (write(up->report_fd, &byte, 1) < 0 && errno == EINTR)
        continue;
    close(up->report_fd);
    up->report_fd = -1;
}

static void started(void *ctx, int status, const Parbus__Processes *processes)
{
    struct up *up = ctx;
    end_progress(up);
    if (status == 0) {
        processes_print(stdout, processes);
        printf("ready in %s\n", up->directory);
        fflush(stdout);
    }
    report(up, status);
    log_level_set(LOG_INFO);
    if (status == 0)
        log_info("supervisor.ready", "pid=%d processes=%zu", (int)getpid(), processes->n_process);
}

/* What was asked for now must be so, or be told how to come about: it would look as if it had been taken. */
static enum err compare_running(const struct up *up, struct err_text *e)
{
    const struct supervisor_options *o = &up->options;
    const struct supervisor_asked asked = {.scorers = up->scorers_asked ? (int)o->scorers : -1,
                                           .validators = up->validators_asked ? (int)o->validators : -1,
                                           .passed = o->passed,
                                           .passed_count = up->passed_asked};
    char text[sizeof e->text];
    Parbus__FromSupervisor *answer;
    enum err err = supervisor_show(up->directory, &answer, e);
    if (err)
        return err;
    ASSERT(answer);
    bool differs = supervisor_differs(answer->processes, &asked, text, sizeof text);
    parbus__from_supervisor__free_unpacked(answer, NULL);
    return differs ? err_set(e, ERR_INVALID, "not all is as it was asked for: %s", text) : OK;
}

/* Whoever says `up` has mended what somebody is held back for, or wants to know that it is not mended. */
static enum err try_again(const char *directory, struct err_text *e)
{
    Parbus__TryAgain try_again = PARBUS__TRY_AGAIN__INIT;
    Parbus__ToSupervisor question = PARBUS__TO_SUPERVISOR__INIT;
    Parbus__FromSupervisor *answer;
    question.body_case = PARBUS__TO_SUPERVISOR__BODY_TRY_AGAIN;
    question.try_again = &try_again;
    enum err err = supervisor_ask(directory, &question, &answer, e);
    if (!err)
        parbus__from_supervisor__free_unpacked(answer, NULL);
    return err;
}

/* Somebody runs already: fine, when it is at work. ERR_NOT_FOUND: it was stopping, and is gone now. */
static enum err join_running(struct up *up, pid_t holder, struct err_text *e)
{
    enum err err = try_again(up->directory, e);
    if (!err)
        err = supervisor_wait_ready(up->directory, SUPERVISOR_READY_MS_MAX, e);
    if (!err)
        err = compare_running(up, e);
    if (!err)
        printf("already running, pid %d, in %s\n", (int)holder, up->directory);
    return err_wrap(e, err, "already running, pid %d", (int)holder);
}

/* *lock is -1 when another supervisor does the work. */
static enum err lock_or_join(struct up *up, int *lock, struct err_text *e)
{
    enum err err;
    do {
        pid_t holder = 0;
        err = service_lock(up->directory, "supervisor", lock, &holder, e);
        if (err == ERR_BUSY)
            err = join_running(up, holder, e);
    } while (err == ERR_NOT_FOUND);
    return err;
}

struct leftover {
    const char *directory;
    char name[256];
    pid_t pid;
};

static bool is_gone(void *leftover)
{
    struct leftover *l = leftover;
    return !running_find(l->directory, l->name, &l->pid);
}

/* Processes of a supervisor that was killed are killed with it, but not in the same instant. */
static int wait_for_leftovers(const struct up *up)
{
    struct leftover l = {.directory = up->directory};
    if (await(is_gone, &l, LEFTOVER_LOOK_MS, LEFTOVER_MS_MAX))
        return 0;
    return command_failed(&command_up, "%s still runs in %s without a supervisor (pid %d); end it first: kill %d",
                          l.name, up->directory, (int)l.pid, (int)l.pid);
}

/* The ingestor checks it too, and again; here its faults are told once, before anything is started. */
static int check_catalog(const struct up *up)
{
    struct catalog_set *set = catalog_directory_load(&command_up, up->catalog);
    int status = set ? 0 : 1;
    catalog_set_destroy(&set);
    return status;
}

/* 0: not said anywhere. What is wrong with the settings, the processes say. */
static int64_t partitions_wanted(const struct up *up)
{
    char file[PATH_MAX];
    struct settings settings;
    settings_defaults(&settings);
    settings.partitions = 0;
    snprintf(file, sizeof file, "%s/parbus.conf", up->directory);
    settings_read(&settings, file, NULL);
    for (size_t i = 0; i < (size_t)up->options.passed_count; i++)
        if (!up->options.passed[i].service)
            settings_set(&settings, up->options.passed[i].value, NULL);
    return settings.partitions;
}

/* Going on with another number than the one that was asked for would look as if it had been taken. */
static int check_partitions(const struct up *up)
{
    struct journal *journal;
    struct journal_options options = {.network_fs_allowed = true};
    int64_t wanted = partitions_wanted(up);
    if (!wanted || journal_open(&journal, up->directory, &options, NULL) != OK)
        return 0;
    uint32_t partitions = journal_partitions(journal);
    journal_close(&journal);
    if (partitions == wanted)
        return 0;
    return command_failed(&command_up,
                          "partitions=%lld cannot be had: the journal in %s has %u, fixed when it was made. Leave that "
                          "setting out, or begin a new journal in another directory",
                          (long long)wanted, up->directory, partitions);
}

static int run_here(struct up *up)
{
    struct err_text e;
    int lock;
    if (lock_or_join(up, &lock, &e) != OK)
        return command_failed(&command_up, "%s", e.text);
    if (lock < 0)
        return 0;
    log_context_set("service=supervisor");
    log_level_set(LOG_ERROR); /* until the table of processes is printed */
    int status = wait_for_leftovers(up);
    if (!status && journal_expected(up->directory, &e))
        status = command_failed(&command_up, "%s", e.text);
    if (!status)
        status = check_partitions(up);
    if (!status)
        status = check_catalog(up);
    if (!status)
        status = supervisor_run(&up->options);
    close(lock);
    return status;
}

/* The child becomes the supervisor; we wait until it says that everything runs, or that it does not. Ctrl-C meanwhile
 * is for the child, which stops what it has started and then reports. */
static int run_detached(struct up *up)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0)
        return command_failed(&command_up, "make a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return command_failed(&command_up, "start the supervisor: %s", strerror(errno));
    if (child == 0) {
        close(fd[0]);
        up->report_fd = fd[1];
        int status = run_here(up);
        report(up, status); /* when it ended before it had anything to announce */
        return status;
    }
    close(fd[1]);
    signal(SIGINT, SIG_IGN);
    unsigned char status = 1;
    ssize_t n;
    while ((n = read(fd[0], &status, 1)) < 0 && errno == EINTR)
        continue;
    close(fd[0]);
    return n == 1 ? status : command_failed(&command_up, "the supervisor died; see %s/log", up->directory);
}

/* Options that processes get as they are; `val` of getopt_long is 256 + the position here. */
static const struct {
    const char *option, *service;
} passed_on[] = {{"--set", NULL}, {"--door", "ingestor"}, {"--feed", "publisher"}, {"--snapshots", "publisher"}};
enum { PASSED_ON = 256 };

static int pass_on(struct up *up, const char *service, const char *option, const char *value)
{
    struct supervisor_options *o = &up->options;
    if (o->passed_count == SUPERVISOR_PASSED_MAX)
        return command_usage_error(&command_up, "too many options; the first one too many is %s %s", option,
                                   value ? value : "");
    o->passed[o->passed_count++] = (struct supervisor_passed){service, option, value};
    return 0;
}

static int take_passed(struct up *up, int number, const char *value)
{
    struct settings scratch;
    struct err_text e;
    settings_defaults(&scratch);
    if (number == 0 && settings_set(&scratch, value, &e) != OK)
        return command_usage_error(&command_up, "--set %s: %s", value, e.text);
    return pass_on(up, passed_on[number].service, passed_on[number].option, value);
}

static int take_count(unsigned *count, const char *value)
{
    long n;
    if (!command_number(value, 0, SUPERVISOR_WORKERS_MAX, &n))
        return command_usage_error(&command_up, "a number from 0 to %d is wanted, not %s", SUPERVISOR_WORKERS_MAX,
                                   value);
    *count = (unsigned)n;
    return 0;
}

static int take_option(struct up *up, int option, const char *value)
{
    if (option >= PASSED_ON)
        return take_passed(up, option - PASSED_ON, value);
    up->validators_asked |= option == 'v';
    up->scorers_asked |= option == 's';
    if (option == 'v' || option == 's')
        return take_count(option == 'v' ? &up->options.validators : &up->options.scorers, value);
    if (option == 'c')
        up->catalog_wanted = value;
    if (option == 'd')
        up->detach = true;
    if (option == 'i')
        return pass_on(up, "ingestor", "--insecure", NULL) | pass_on(up, "publisher", "--insecure", NULL);
    return option == '?' ? 2 : 0;
}

static int parse(struct up *up, int argc, char **argv)
{
    static const struct option options[] = {{"validators", required_argument, NULL, 'v'},
                                            {"scorers", required_argument, NULL, 's'},
                                            {"catalog", required_argument, NULL, 'c'},
                                            {"detach", no_argument, NULL, 'd'},
                                            {"insecure", no_argument, NULL, 'i'},
                                            {"set", required_argument, NULL, PASSED_ON},
                                            {"door", required_argument, NULL, PASSED_ON + 1},
                                            {"feed", required_argument, NULL, PASSED_ON + 2},
                                            {"snapshots", required_argument, NULL, PASSED_ON + 3},
                                            {0}};
    int found, status = 0;
    while (!status && (found = command_option(&command_up, argc, argv, options)) != -1)
        status = take_option(up, found, optarg);
    if (!status && optind < argc)
        status = command_usage_error(&command_up, "unexpected argument %s", argv[optind]);
    return status;
}

static int find_catalog(struct up *up)
{
    const char *wanted = up->catalog_wanted ? up->catalog_wanted : command_catalog_default();
    struct stat st;
    if (!wanted)
        return command_failed(&command_up, "no catalog found beside this program; name one with --catalog DIR");
    if (!realpath(wanted, up->catalog) || stat(up->catalog, &st) != 0 || !S_ISDIR(st.st_mode))
        return command_failed(&command_up, "catalog %s: not a directory that can be read", wanted);
    int status = pass_on(up, "ingestor", "--catalog", up->catalog);
    up->passed_asked = up->options.passed_count - !up->catalog_wanted;
    return status;
}

static int run(int argc, char **argv, const char *directory)
{
    static struct up up;
    struct err_text e;
    up = (struct up){.report_fd = -1,
                     .options = {.validators = share_of_processors(4),
                                 .scorers = share_of_processors(2),
                                 .started = started,
                                 .progress = progress,
                                 .ctx = &up}};
    int status = parse(&up, argc, argv);
    if (!status)
        status = find_catalog(&up);
    if (status)
        return status;
    if (service_directory(directory, up.directory, &e) != OK)
        return command_failed(&command_up, "%s", e.text);
    up.options.directory = up.directory;
    return up.detach ? run_detached(&up) : run_here(&up);
}

const struct command command_up = {
    "up",
    "[--validators N] [--scorers N] [--catalog DIR] [--detach] [option…]",
    "start everything, and keep it running",
    "  --validators N    validator processes (default: one per four processors)\n"
    "  --scorers N       scorer processes (default: one per two processors)\n"
    "  --catalog DIR     index definitions to publish (default: those that come with parbus)\n"
    "  --door ENDPOINT   another address for feeders, e.g. tcp://0.0.0.0:5700\n"
    "  --feed ENDPOINT, --snapshots ENDPOINT\n"
    "                    other addresses for dashboards\n"
    "  --insecure        tcp addresses of this host alone, in clear text, open to everybody who reaches them.\n"
    "                    Without it, tcp needs keys: parbus keys --help\n"
    "  --set NAME=VALUE  a setting for every process; parbus-ingestor --help lists them\n"
    "  --detach          return as soon as everything runs; stop it with: parbus down\n"
    "--door, --feed, --snapshots and --set may be repeated.\n"
    "Without --detach it runs until Ctrl-C. Processes that die or hang are started again. Logs are in DIR/log.\n"
    "When it runs already, that is said, and is no failure, unless something is asked for that is not so. A process\n"
    "that is held back, for a file was damaged or gone, is then started again: say it when that is mended.\n",
    run,
};
