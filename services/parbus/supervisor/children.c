#include "base/log.h"
#include "service/service.h"
#include "services/parbus/command.h"
#include "services/parbus/supervisor/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 2 * SUPERVISOR_PASSED_MAX + 8, EXIT_NO_PROGRAM = 127 };

static void pass(char **argv, size_t *count, const char *option, const char *value)
{
    argv[(*count)++] = (char *)option;
    if (value)
        argv[(*count)++] = (char *)value;
}

/* The strings stay where they are; exec copies them. */
static void make_arguments(const struct shell *s, const struct process *p, const char *file, char **argv)
{
    const struct supervisor_options *o = s->options;
    size_t count = 0;
    argv[count++] = (char *)file;
    pass(argv, &count, "--dir", o->directory);
    pass(argv, &count, "--instance", p->instance);
    for (size_t i = 0; i < o->passed_count; i++)
        if (!o->passed[i].service || strcmp(o->passed[i].service, p->program->service) == 0)
            pass(argv, &count, o->passed[i].option, o->passed[i].value);
    argv[count] = NULL;
}

/* In the child, where only async-signal-safe functions may be used: the parent has ZeroMQ's threads. */
_Noreturn static void become(const char *file, char **argv, const char *log, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    setpgid(0, 0); /* Ctrl-C is for the supervisor, which stops everything in order */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600), in = open("/dev/null", O_RDONLY);
    if (getppid() != parent || out < 0 || in < 0)
        _exit(EXIT_NO_PROGRAM);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv(file, argv);
    const char *why = strerrorname_np(errno);
    const char *const words[] = {"cannot run the program: ", why ? why : "", " ", file, "\n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (write(STDERR_FILENO, words[i], strlen(words[i])) < 0)
            break;
    _exit(EXIT_NO_PROGRAM);
}

pid_t children_start(void *shell, const struct process *p)
{
    const struct shell *s = shell;
    char log[PATH_MAX], file[PATH_MAX + 64], *argv[ARGUMENTS_MAX];
    snprintf(file, sizeof file, "%s/%s", command_program_directory(), p->program->file);
    logs_path(s, p->instance, log);
    make_arguments(s, p, file, argv);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(file, argv, log, parent);
    if (pid < 0)
        log_error("supervisor.start_failed", "instance=%s why=\"%s\"", p->instance, strerror(errno));
    else
        log_info("supervisor.started", "instance=%s pid=%d", p->instance, (int)pid);
    return pid;
}

void children_signal(void *shell, const struct process *p, int signal)
{
    (void)shell;
    if (signal == SIGKILL)
        log_warn("supervisor.killed", "instance=%s pid=%d why=\"%s\"", p->instance, (int)p->pid,
                 p->wanted ? "hangs: it gives no sign of life" : "did not stop in time");
    else
        log_info("supervisor.stopping", "instance=%s pid=%d", p->instance, (int)p->pid);
    kill(p->pid, signal);
}

static bool is_damage(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == SERVICE_EXIT_DAMAGED; }

static void log_end(const struct process *p, pid_t pid, int status)
{
    enum log_level level = p->state == PROCESS_STOPPING || !p->wanted ? LOG_INFO : LOG_WARN;
    if (WIFSIGNALED(status))
        log_line(level, "supervisor.ended", "instance=%s pid=%d signal=%d", p->instance, (int)pid, WTERMSIG(status));
    else
        log_line(level, "supervisor.ended", "instance=%s pid=%d exit=%d", p->instance, (int)pid, WEXITSTATUS(status));
    if (p->state == PROCESS_HELD)
        log_error(
            "supervisor.held",
            "instance=%s why=\"a file is damaged or gone, its log says which: it is not started again by itself\"",
            p->instance);
}

void children_reap(struct shell *s, int64_t now_us)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        const struct process *p = supervisor_exited(&s->core, pid, is_damage(status), now_us);
        if (p)
            log_end(p, pid, status);
        s->all_served = false;
    }
}
