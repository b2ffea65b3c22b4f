#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/supervisor/ask.h"
#include "services/parbus/supervisor/supervisor.h"
#include <stdio.h>
#include <string.h>

enum { WANTED_MAX = 8, READY_MS_MAX = 30000 };

struct wanted {
    char service[16];
    long count;
};

/* "scorer=4" */
static bool parse_wanted(const char *text, struct wanted *w)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals - text >= (int)sizeof w->service)
        return false;
    snprintf(w->service, sizeof w->service, "%.*s", (int)(equals - text), text);
    const struct program *program = program_find(w->service);
    return program && program->scalable && command_number(equals + 1, 0, SUPERVISOR_WORKERS_MAX, &w->count);
}

static enum err ask_to_scale(const char *directory, const struct wanted *w, struct err_text *e)
{
    Parbus__Scale scale = PARBUS__SCALE__INIT;
    Parbus__ToSupervisor question = PARBUS__TO_SUPERVISOR__INIT;
    Parbus__FromSupervisor *answer;
    scale.service = (char *)w->service;
    scale.has_count = true;
    scale.count = (uint32_t)w->count;
    question.body_case = PARBUS__TO_SUPERVISOR__BODY_SCALE;
    question.scale = &scale;
    enum err err = supervisor_ask(directory, &question, &answer, e);
    if (!err)
        parbus__from_supervisor__free_unpacked(answer, NULL);
    return err;
}

static enum err show(const char *directory, struct err_text *e)
{
    Parbus__FromSupervisor *answer;
    enum err err = supervisor_show(directory, &answer, e);
    if (err)
        return err;
    processes_print(stdout, answer->processes);
    parbus__from_supervisor__free_unpacked(answer, NULL);
    return OK;
}

static enum err scale_all(const char *directory, const struct wanted *wanted, int count, struct err_text *e)
{
    enum err err = OK;
    for (int i = 0; i < count && !err; i++)
        err = ask_to_scale(directory, &wanted[i], e);
    if (!err)
        err = supervisor_wait_ready(directory, READY_MS_MAX, e);
    return err ? err : show(directory, e);
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option none[] = {{0}};
    struct wanted wanted[WANTED_MAX];
    struct err_text e;
    int count = 0;
    if (command_option(&command_scale, argc, argv, none) != -1)
        return 2;
    if (optind == argc || argc - optind > WANTED_MAX)
        return command_usage_error(&command_scale, "say how many of what, e.g. scorer=4");
    for (; optind < argc; optind++)
        if (!parse_wanted(argv[optind], &wanted[count++]))
            return command_usage_error(&command_scale, "%s: scorer=N or validator=N is wanted, N from 0 to %d",
                                       argv[optind], SUPERVISOR_WORKERS_MAX);
    enum err err = scale_all(directory, wanted, count, &e);
    link_shutdown();
    return err ? command_failed(&command_scale, "%s", e.text) : 0;
}

const struct command command_scale = {
    "scale",
    "[scorer=N] [validator=N]",
    "run more or fewer workers; the others go on meanwhile",
    "With fewer, the highest numbers hand over what they have and leave. Waits until it is so. With none of them,\n"
    "feeders still get receipts: the journal holds what waits.\n"
    "  example: parbus scale scorer=4 validator=2\n",
    run,
};
