/* `parbus feeder run`: a push that never ends. Each file is one push, which ends when all of it has its receipt, so
 * what is between two files is nobody's: a kill leaves the file where it is and the rest in the outbox. */
#include "base/clock.h"
#include "client/errors.h"
#include "link/link.h"
#include "reactor/reactor.h"
#include "services/parbus/feeder/inbox.h"
#include "services/parbus/push/arguments.h"
#include <string.h>
#include <sys/stat.h>

enum { PAUSE_US = 5000000, LOOK_US = 10000000, TELL_AGAIN_US = 600000000, PROGRESS_US = 10000000, DAY_S = 86400 };

static const struct command *const self = &command_feeder;

struct feeder {
    struct push_options options;
    struct inbox inbox;
    struct reactor *reactor; /* only waits */
    struct timespec outbox_changed;
    bool drained;   /* nothing of an earlier time is in the outbox */
    char told[512]; /* the trouble that was told last; "": none */
    int64_t told_us;
};

/* ---- words ---- */

static void tell_trouble(struct feeder *f, const char *trouble)
{
    int64_t now_us = clock_mono_us();
    if (strncmp(trouble, f->told, sizeof f->told - 1) == 0 && now_us < f->told_us + TELL_AGAIN_US)
        return;
    fprintf(stderr, "parbus feeder: %s; it is tried again\n", trouble);
    snprintf(f->told, sizeof f->told, "%s", trouble);
    f->told_us = now_us;
}

static void tell_over(struct feeder *f)
{
    if (f->told[0])
        fprintf(stderr, "parbus feeder: it goes on\n");
    f->told[0] = 0;
}

/* ---- waiting ---- */

static void on_note(void *feeder, unsigned source, struct moment now)
{
    (void)source, (void)now;
    inbox_noted(&((struct feeder *)feeder)->inbox);
}

static enum err open_reactor(struct feeder *f, struct err_text *e)
{
    const struct reactor_source notes = {
        .name = "inbox", .kind = REACTOR_DESCRIPTOR, .fd = f->inbox.notes_fd, .ready = on_note};
    const struct reactor_options options = {.hooks = {.ctx = f}, .sources = &notes, .count = 1};
    return reactor_open(&f->reactor, &options, e);
}

static void pause_a_while(struct feeder *f)
{
    for (int64_t until_us = clock_mono_us() + PAUSE_US; clock_mono_us() < until_us;)
        reactor_step(f->reactor, until_us);
}

/* ---- pushes ---- */

/* file: NULL: what is in the outbox alone. fine: all of it was taken. */
static enum err push(struct feeder *f, char *file, FILE *out, bool *fine)
{
    struct push_options o = f->options;
    struct push_report report;
    struct parbus_feeder_totals totals = {0};
    struct err_text e = {""};
    o.file = &file;
    o.file_count = file != NULL;
    o.out = out;
    push_report_start(&report, &o);
    enum err err = push_run(&o, &report, &totals, &e);
    if (!err && file)
        push_report_result(&report, &totals, NULL);
    *fine = !report.rows_bad && !report.failures && !report.rows_rejected;
    push_report_free(&report);
    if (err)
        tell_trouble(f, e.text);
    else
        tell_over(f);
    return err;
}

/* Of the queue's files, whichever was written last. */
static struct timespec outbox_changed(const struct feeder *f)
{
    struct timespec newest = {0};
    for (int i = 0; i < 2; i++) {
        char path[PUSH_PATH_BYTES];
        struct stat st;
        snprintf(path, sizeof path, "%s/outbox/%s/queue.%d", f->options.directory, f->options.feeder, i);
        if (stat(path, &st) == 0 && (st.st_mtim.tv_sec > newest.tv_sec ||
                                     (st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec > newest.tv_nsec)))
            newest = st.st_mtim;
    }
    return newest;
}

/* A push of somebody else under this name ended early. */
static bool outbox_was_used(const struct feeder *f)
{
    struct timespec now = outbox_changed(f);
    return now.tv_sec != f->outbox_changed.tv_sec || now.tv_nsec != f->outbox_changed.tv_nsec;
}

static void drain(struct feeder *f)
{
    bool fine;
    f->drained = push(f, NULL, NULL, &fine) == OK;
    f->outbox_changed = outbox_changed(f);
    if (!f->drained)
        pause_a_while(f);
}

static void settle(struct feeder *f, const char *name, bool fine)
{
    struct err_text e;
    fprintf(stderr, "parbus feeder: %s %s\n", name,
            fine ? "is sent, and has its receipts" : "has faults, or was refused: see failed/, and the report there");
    while (inbox_settle(&f->inbox, name, fine, &e)) {
        tell_trouble(f, e.text);
        pause_a_while(f);
    }
}

static void send_file(struct feeder *f, const char *name)
{
    char path[PUSH_PATH_BYTES + NAME_MAX + 8];
    bool fine;
    snprintf(path, sizeof path, "%s/%s", f->inbox.path, name);
    FILE *report = fopen(f->inbox.report, "we");
    enum err err = push(f, path, report, &fine);
    if (report)
        fclose(report);
    f->drained = err == OK;
    f->outbox_changed = outbox_changed(f);
    if (err)
        pause_a_while(f);
    else
        settle(f, name, fine);
}

static void work(struct feeder *f)
{
    char name[NAME_MAX + 1];
    if (!f->drained || outbox_was_used(f))
        drain(f);
    else if (inbox_next(&f->inbox, name))
        send_file(f, name);
    else
        reactor_step(f->reactor, clock_mono_us() + LOOK_US);
}

static int watch(struct feeder *f, const char *directory)
{
    struct err_text e;
    enum err err = inbox_open(&f->inbox, directory, &e);
    if (!err)
        err = open_reactor(f, &e);
    if (!err) {
        fprintf(stderr, "parbus feeder: %s sends what comes to %s\n", f->options.feeder, directory);
        for (;;)
            work(f);
    }
    reactor_close(&f->reactor);
    inbox_close(&f->inbox);
    return command_failed(self, "%s", e.text);
}

/* What is read has no other place: it is waited for as long as it takes. */
static int read_standard_input(struct feeder *f)
{
    char name[] = "-";
    struct err_text e;
    bool fine = false;
    const struct reactor_options nothing = {.hooks = {.ctx = f}};
    enum err err = reactor_open(&f->reactor, &nothing, &e);
    if (err)
        return command_failed(self, "%s", e.text);
    while (!f->drained)
        drain(f);
    f->options.timeout_s = DAY_S;
    err = push(f, name, NULL, &fine);
    reactor_close(&f->reactor);
    return err || !fine;
}

/* ---- the command ---- */

static int run_with(struct push_arguments *a)
{
    struct feeder f = {.options = a->options};
    f.options.json = true;
    f.options.command = "feeder";
    f.options.progress_us = PROGRESS_US;
    int status = a->watch ? watch(&f, a->watch) : read_standard_input(&f);
    link_shutdown();
    return status;
}

static int run(int argc, char **argv, const char *directory)
{
    struct push_arguments a;
    int status = push_arguments_take(&a, self, argc, argv, directory);
    if (status)
        return status;
    int words = a.options.file_count;
    bool input = words == 2 && !strcmp(a.options.file[1], "-");
    if (words < 1 || strcmp(a.options.file[0], "run") != 0 || (a.watch ? words != 1 : !input))
        return command_usage_error(self, "say what to do: run --watch DIR, or run - for standard input");
    if (a.options.strict)
        return command_usage_error(self, "--strict does not go with a service: what is bad of a file is in its report");
    status = push_arguments_context(&a, self);
    if (!status)
        status = run_with(&a);
    named_context_forget(&a.named);
    return status;
}

const struct command command_feeder = {
    "feeder",
    "run --watch DIRECTORY | run - [--wait] [--timeout S] [option of push…]",
    "send files as they come, as a service",
    "Sends each NAME.csv that appears in DIRECTORY, in the order of names, as parbus push does, and waits until all "
    "of\n"
    "it has its receipt (with --wait: is scored). It then lies in DIRECTORY/done, or in DIRECTORY/failed when a line\n"
    "was bad, refused or (with --wait) rejected, with NAME.csv.report.json beside it. Write a file under another "
    "name,\n"
    "and rename it when it is whole: nobody reads .NAME.csv or NAME.csv.part.\n\n"
    "What the outbox still holds, from a time before, or from a push of the same feeder that ended early, goes out by\n"
    "itself, in order, when the pipeline answers. While it does not, files wait where they are; every 10 s it is told\n"
    "how far it is, and trouble once. It may be killed at any time: a file that was not done is sent again from its\n"
    "begin, which changes nothing that was taken already. compose/parbus-feeder.service is a unit for systemd.\n\n"
    "  run -         sends what comes on standard input, until its end\n"
    "  --timeout S   begin again when nothing moves for S seconds (default 60)\n"
    "  all else      as of parbus push\n"
    "  example: parbus feeder run --watch /srv/parbus-feeder/in --context h05\n\n",
    run,
};
