#include "reactor/reactor.h"
#include "service/service.h"
#include "services/parbus/command.h"
#include "services/parbus/status/status.h"
#include "services/parbus/supervisor/ask.h"
#include <stdlib.h>
#include <unistd.h>

enum { EVERY_US = 1000000 };

struct choice {
    const char *directory;
    bool json, partitions, watch;
};

/* To a terminal in one piece, so that it does not flicker. */
static void show(const struct choice *c, const struct status *s)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    ASSERT(out);
    if (c->json)
        status_print_json(s, out);
    else
        status_print_table(s, c->partitions, out);
    bool closed = fclose(out) == 0;
    ASSERT(closed && text); /* memory */
    if (c->watch && !c->json && isatty(STDOUT_FILENO))
        fputs("\033[H\033[2J", stdout);
    fwrite(text, 1, bytes, stdout);
    fflush(stdout);
    free(text);
}

/* OK: there is something to show, and the ingestor answers. */
static enum err look(const struct choice *c, struct err_text *e)
{
    Parbus__FromSupervisor *answer = NULL;
    struct stats *stats = NULL;
    pid_t ingestor = 0;
    enum err err = supervisor_show(c->directory, &answer, e);
    bool unsupervised = err == ERR_NOT_FOUND && service_locked(c->directory, "ingestor-1", &ingestor);
    if (err && !unsupervised)
        return err;
    err = stats_ask(c->directory, &stats, e);
    struct status s = {.directory = c->directory,
                       .processes = answer ? answer->processes : NULL,
                       .reply = stats ? stats_reply(stats) : NULL,
                       .why = e->text};
    status_work_out(&s, (uint32_t)ingestor);
    show(c, &s);
    status_free(&s);
    stats_free(&stats);
    if (answer)
        parbus__from_supervisor__free_unpacked(answer, NULL);
    return err;
}

struct watching {
    const struct choice *choice;
    struct reactor *reactor;
};

static int64_t look_again(void *watching, struct moment now)
{
    struct watching *w = watching;
    struct err_text e = {0};
    if (look(w->choice, &e))
        command_failed(&command_status, "%s", e.text);
    if (ferror(stdout))
        reactor_end(w->reactor);
    return now.mono_us + EVERY_US;
}

/* Goes on when nothing runs: it may come back. */
static int watch(const struct choice *c)
{
    struct watching w = {.choice = c};
    struct err_text e;
    const struct reactor_source looks = {.name = "looks", .kind = REACTOR_TIMER, .ctx = &w, .due = look_again};
    const struct reactor_options options = {.sources = &looks, .count = 1, .stop_fd = command_stop_descriptor()};
    enum err err = reactor_open(&w.reactor, &options, &e);
    if (!err)
        err = reactor_run(w.reactor, &e);
    reactor_close(&w.reactor);
    return err ? command_failed(&command_status, "%s", e.text) : ferror(stdout) ? 1 : 0;
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"partitions", no_argument, NULL, 'p'},
                                            {"watch", no_argument, NULL, 'w'},
                                            {0}};
    struct choice c = {.directory = directory};
    struct err_text e = {0};
    int found;
    while ((found = command_option(&command_status, argc, argv, options)) != -1) {
        if (found == '?')
            return 2;
        c.json = c.json || found == 'j';
        c.partitions = c.partitions || found == 'p';
        c.watch = c.watch || found == 'w';
    }
    if (optind < argc)
        return command_usage_error(&command_status, "unexpected argument %s", argv[optind]);
    int status = c.watch ? watch(&c) : look(&c, &e) ? command_failed(&command_status, "%s", e.text) : 0;
    link_shutdown();
    return status;
}

const struct command command_status = {
    "status",
    "[--partitions] [--json] [--watch]",
    "what runs, who owns what, how far it is, and what was counted",
    "First, in words, what is wrong (!), and what is set aside and waits to be sent again (*). Then a line for each\n"
    "process: how long it is up, when it was heard last, the submissions of its partitions that wait (lag), those "
    "that\n"
    "went through it per second over the last 2 to 4 s, and its partitions. What is not known is shown as -. Where no\n"
    "supervisor runs (containers), it is what the ingestor knows.\n\n"
    "  --partitions  a line for each partition as well\n"
    "  --json        for programs: all of it\n"
    "  --watch       again each second, until Ctrl-C\n"
    "Exit status 1 when nothing runs, or the ingestor does not answer.\n",
    run,
};
