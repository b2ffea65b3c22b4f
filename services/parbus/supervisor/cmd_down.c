#include "link/link.h"
#include "service/service.h"
#include "services/parbus/ask/await.h"
#include "services/parbus/command.h"
#include "services/parbus/supervisor/ask.h"
#include <signal.h>
#include <stdio.h>

/* Four phases of at most ten seconds each (supervisor.h), and some air. */
enum { ORDERLY_MS_MAX = 45000, KILLED_MS_MAX = 5000, LOOK_MS = 20 };

static bool is_free(void *directory) { return !service_locked(directory, "supervisor", NULL); }

static bool wait_until_free(const char *directory, int timeout_ms)
{
    return await(is_free, (void *)directory, LOOK_MS, timeout_ms);
}

static enum err ask_to_stop(const char *directory)
{
    Parbus__StopAll stop = PARBUS__STOP_ALL__INIT;
    Parbus__ToSupervisor question = PARBUS__TO_SUPERVISOR__INIT;
    Parbus__FromSupervisor *answer;
    question.body_case = PARBUS__TO_SUPERVISOR__BODY_STOP;
    question.stop = &stop;
    enum err err = supervisor_ask(directory, &question, &answer, NULL);
    if (!err)
        parbus__from_supervisor__free_unpacked(answer, NULL);
    return err;
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option none[] = {{0}};
    pid_t pid = 0;
    if (command_option(&command_down, argc, argv, none) != -1)
        return 2;
    if (optind < argc)
        return command_usage_error(&command_down, "unexpected argument %s", argv[optind]);
    if (!service_locked(directory, "supervisor", &pid)) {
        printf("nothing runs in %s\n", directory);
        return 0;
    }
    enum err err = ask_to_stop(directory);
    link_shutdown();
    if (err == ERR_TIMEOUT && pid > 0)
        kill(pid, SIGTERM);
    bool stopped = wait_until_free(directory, ORDERLY_MS_MAX);
    if (!stopped && pid > 0) {
        fprintf(stderr, "parbus down: the supervisor (pid %d) does not stop; killing it and its processes\n", (int)pid);
        kill(pid, SIGKILL); /* its processes die with it */
        stopped = wait_until_free(directory, KILLED_MS_MAX);
    }
    if (!stopped)
        return command_failed(&command_down, "something still runs in %s (pid %d)", directory, (int)pid);
    printf("stopped in %s\n", directory);
    return 0;
}

const struct command command_down = {
    "down",
    "",
    "stop everything in order; fine when nothing runs",
    "What has a receipt is on disk already and goes on at the next start. A process that does not stop within\n"
    "10 seconds is killed; nothing is lost by that either.\n",
    run,
};
