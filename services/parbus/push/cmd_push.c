#include "client/errors.h"
#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/push/push.h"
#include "wire/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 65536, IDLE_MS = 100, TIMEOUT_S = 60, TIMEOUT_S_MAX = 86400 };

struct push {
    struct push_options options;
    struct push_report report;
    struct push_names names;
    struct push_check check;
    struct push_groups groups;
    struct push_session session;
    bool check_only; /* the first of two passes (--strict) */
    enum err err;    /* stops everything: the pipeline is gone, the outbox unusable */
    struct err_text text;
    int *input; /* opened files; -1: could not be */
};

/* ---- rows ---- */

static enum err series_of(struct push *p, const struct longform_row *row, const struct push_series **series)
{
    *series = push_names_find(&p->names, row->index, row->period);
    if (*series)
        return OK;
    enum err err = push_session_describe(&p->session, row->index, row->period, &p->text);
    *series = push_names_find(&p->names, row->index, row->period);
    return err;
}

static void on_row(void *ctx, const struct longform_row *row)
{
    struct push *p = ctx;
    const struct push_series *series;
    struct err_text e;
    uint32_t indicator;
    Parbus__Stage stage;
    if (p->err || (p->err = series_of(p, row, &series)))
        return;
    p->report.rows_read++;
    enum err err = push_names_resolve(series, row, &indicator, &stage, &e);
    if (!err && p->check_only)
        err = push_check_row(&p->check, row, indicator, stage, &e);
    if (err)
        push_report_fault(&p->report, p->session.file, row->line, e.text);
    else if (!p->check_only)
        p->err = push_groups_add(&p->groups, row, indicator, stage, &p->text);
}

static void on_fault(void *ctx, long line, const char *text)
{
    struct push *p = ctx;
    p->report.rows_read++;
    push_report_fault(&p->report, p->session.file, line, text);
}

static enum err on_group(void *ctx, struct push_group *g, struct err_text *e)
{
    struct push *p = ctx;
    return push_session_submit(&p->session, g, e);
}

/* ---- files ---- */

/* Nothing to read for a while, as from `tail -f`: what there is goes out. */
static void flush_when_idle(struct push *p, int fd)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    while (!p->err && poll(&in, 1, IDLE_MS) == 0) {
        if (!p->check_only)
            p->err = push_groups_flush(&p->groups, &p->text);
        if (!p->err)
            p->err = err_of(parbus_feeder_poll(p->session.feeder, 0, public_text(&p->text)));
    }
}

static void read_file(struct push *p, int file)
{
    static char data[READ_BYTES];
    int fd = p->input[file];
    ssize_t n = 0;
    struct longform_reader *reader = longform_new(&(struct longform_options){.index = p->options.index,
                                                                             .period = p->options.period,
                                                                             .stage = p->options.stage,
                                                                             .ctx = p,
                                                                             .row = on_row,
                                                                             .fault = on_fault});
    p->session.file = file;
    while (!p->err) {
        flush_when_idle(p, fd);
        n = read(fd, data, sizeof data);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        p->report.bytes_read += (uint64_t)n;
        longform_feed(reader, data, (size_t)n);
    }
    if (n < 0)
        push_report_fault(&p->report, file, 0, strerror(errno));
    else if (!p->err)
        longform_finish(reader);
    if (!p->err && !p->check_only)
        p->err = push_groups_flush(&p->groups, &p->text); /* line numbers are those of this file */
    longform_destroy(&reader);
}

/* What comes through a pipe is kept in an unnamed file, so that it can be read twice. */
static int spool(int from)
{
    static char data[READ_BYTES];
    FILE *file = tmpfile();
    int to = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
    if (file)
        fclose(file);
    for (ssize_t n; to >= 0 && (n = read(from, data, sizeof data)) != 0;)
        if ((n < 0 && errno != EINTR) || (n > 0 && write(to, data, (size_t)n) != n)) {
            close(to);
            to = -1;
        }
    if (to >= 0)
        lseek(to, 0, SEEK_SET);
    return to;
}

static void open_file(struct push *p, int file)
{
    const char *name = p->options.file[file];
    struct stat st;
    int fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0 && p->options.strict && !regular) {
        int copy = spool(fd);
        close(fd);
        fd = copy;
    }
    p->input[file] = fd;
    if (fd < 0)
        push_report_fault(&p->report, file, 0, strerror(errno));
    else if (regular)
        p->report.bytes_total += (uint64_t)st.st_size;
}

static void read_all(struct push *p, bool check_only)
{
    p->check_only = check_only;
    p->report.rows_read = p->report.bytes_read = 0;
    for (int i = 0; i < p->options.file_count && !p->err; i++) {
        if (p->input[i] < 0)
            continue;
        if (p->options.strict)
            lseek(p->input[i], 0, SEEK_SET);
        read_file(p, i);
    }
}

static bool anything_bad(const struct push *p) { return p->report.rows_bad || p->report.failures; }

/* ---- the command ---- */

static void check_all(struct push *p)
{
    p->err = push_check_open(&p->check, p->options.directory, &p->text);
    if (!p->err)
        read_all(p, true);
    push_check_close(&p->check);
}

static void work(struct push *p)
{
    p->err = push_session_open(&p->session, &p->text);
    if (p->err)
        return;
    for (int i = 0; i < p->options.file_count; i++)
        open_file(p, i);
    if (p->options.strict)
        check_all(p);
    if (p->options.strict && anything_bad(p)) {
        push_report_words(&p->report, "nothing was sent: --strict, and not everything is right");
        return;
    }
    if (!p->err)
        read_all(p, false);
    if (!p->err)
        p->err = push_session_finish(&p->session, &p->text);
}

static int push(struct push_options *o)
{
    struct push p = {.options = *o};
    p.input = calloc((size_t)o->file_count, sizeof *p.input);
    ASSERT(p.input);
    memset(p.input, 0xff, (size_t)o->file_count * sizeof *p.input);
    push_report_start(&p.report, &p.options);
    p.groups = (struct push_groups){.batch = (size_t)o->batch, .flush = on_group, .ctx = &p};
    p.session = (struct push_session){.options = &p.options, .report = &p.report, .names = &p.names};
    work(&p);
    struct parbus_feeder_totals totals = {0};
    if (p.session.feeder)
        totals = parbus_feeder_totals(p.session.feeder);
    if (o->json || !p.err || p.report.rows_read)
        push_report_result(&p.report, &totals, p.err ? p.text.text : NULL);
    if (p.err)
        push_report_words(&p.report, "%s", p.text.text);
    bool fine = !p.err && !anything_bad(&p) && !p.report.rows_rejected;
    for (int i = 0; i < o->file_count; i++)
        if (p.input[i] >= 0)
            close(p.input[i]);
    free(p.input);
    push_session_close(&p.session);
    push_groups_free(&p.groups);
    push_names_free(&p.names);
    push_report_free(&p.report);
    link_shutdown();
    return fine ? 0 : 1;
}

/* "cli-" and the user's name, as far as it can be part of a feeder's name. */
static const char *default_feeder(void)
{
    static char name[WIRE_NAME_BYTES_MAX + 1];
    const struct passwd *user = getpwuid(geteuid());
    if (user)
        snprintf(name, sizeof name, "cli-%s", user->pw_name);
    if (!user || !wire_name_ok(name))
        snprintf(name, sizeof name, "cli-%u", (unsigned)geteuid());
    return name;
}

static bool take_format(const char *text, bool *json)
{
    *json = strcmp(text, "json") == 0;
    return *json || strcmp(text, "table") == 0;
}

enum { AS = 1, INDEX, PERIOD, STAGE, WAIT, STRICT, BATCH, TIMEOUT, FORMAT, DOOR };
static const struct option options[] = {{"as", required_argument, NULL, AS},
                                        {"index", required_argument, NULL, INDEX},
                                        {"period", required_argument, NULL, PERIOD},
                                        {"stage", required_argument, NULL, STAGE},
                                        {"wait", no_argument, NULL, WAIT},
                                        {"strict", no_argument, NULL, STRICT},
                                        {"batch", required_argument, NULL, BATCH},
                                        {"timeout", required_argument, NULL, TIMEOUT},
                                        {"format", required_argument, NULL, FORMAT},
                                        {"door", required_argument, NULL, DOOR},
                                        {0}};

/* What the options want, in the order above. */
static const char *const wanted[] = {"a name of 1 to 64 letters, digits, '.', '_' and '-'",
                                     "a name of 1 to 64 bytes",
                                     "a name of 1 to 64 bytes",
                                     "self, appraised_1, appraised_2 or survey",
                                     NULL,
                                     NULL,
                                     "a number from 1 to 16384",
                                     "seconds from 1 to 86400",
                                     "table or json",
                                     "an endpoint such as tcp://host:5700"};

static bool take_option(struct push_options *o, int option)
{
    switch (option) {
    case AS:
        o->feeder = optarg;
        return wire_name_ok(optarg);
    case INDEX:
        o->index = optarg;
        return *optarg && strlen(optarg) <= WIRE_NAME_BYTES_MAX;
    case PERIOD:
        o->period = optarg;
        return *optarg && strlen(optarg) <= WIRE_NAME_BYTES_MAX;
    case STAGE:
        o->stage = longform_stage(optarg);
        return o->stage != PARBUS__STAGE__STAGE_UNKNOWN;
    case WAIT:
        return o->wait = true;
    case STRICT:
        return o->strict = true;
    case BATCH:
        return command_number(optarg, 1, PUSH_ROWS_MAX, &o->batch);
    case TIMEOUT:
        return command_number(optarg, 1, TIMEOUT_S_MAX, &o->timeout_s);
    case DOOR:
        o->door = optarg;
        return strstr(optarg, "://") != NULL;
    default:
        return take_format(optarg, &o->json);
    }
}

static int run(int argc, char **argv, const char *directory)
{
    struct push_options o = {
        .directory = directory, .feeder = default_feeder(), .batch = PUSH_ROWS_MAX, .timeout_s = TIMEOUT_S};
    int option;
    while ((option = command_option(&command_push, argc, argv, options)) > 0 && option != '?')
        if (!take_option(&o, option))
            return command_usage_error(&command_push, "--%s wants %s, not '%s'", options[option - 1].name,
                                       wanted[option - 1], optarg);
    if (option == '?')
        return 2;
    if (o.door && o.strict)
        return command_usage_error(&command_push, "--strict reads the journal of DIR and does not go with --door");
    o.file_count = argc - optind;
    o.file = argv + optind;
    if (o.file_count == 0)
        return command_usage_error(&command_push, "name a file, or - for standard input");
    return push(&o);
}

const struct command command_push = {
    "push",
    "FILE.csv… [--as FEEDER] [--index I] [--period P] [--stage S] [--wait] [--strict] [--batch N] [--timeout S] "
    "[--format table|json] [--door ENDPOINT]",
    "send values from CSV files; - is standard input",
    "One value a line; the first line names the columns, in any order:\n"
    "    index,period,unit,indicator,value,stage,observed_at,evidence\n"
    "stage (self, appraised_1 or appraised, appraised_2, survey; default: the index's first), observed_at (2025-10-15 "
    "or\n"
    "2025-10-15T01:46:24Z; default: now) and evidence (an address, if wanted followed by #sha256= and 64 hex digits) "
    "may be\n"
    "absent or empty. UTF-8; lines that begin with # are skipped; a quoted field ends on its line. A line that cannot "
    "be\n"
    "read is told as file:line: reason, and everything else is sent.\n\n"
    "What was taken is kept in DIR/outbox/FEEDER until it has its receipt: if the pipeline or this program stops, the "
    "next\n"
    "push of the same feeder sends it. Exit status 0: everything was sent and has its receipt (with --wait: was "
    "accepted).\n\n"
    "  --as FEEDER   who says so (default: cli-USER)\n"
    "  --index I, --period P, --stage S   for lines that do not say\n"
    "  --wait        until everything is scored; then tell what was rejected, and why, as file:line: REASON: detail\n"
    "  --strict      check everything first, and send nothing when any line is bad or would be rejected\n"
    "  --batch N     at most N rows in a submission (default: all rows of one unit together, 16384 at most)\n"
    "  --timeout S   give up when nothing moves for S seconds (default 60)\n"
    "  --format F    table or json\n"
    "  --door ENDPOINT\n"
    "                send to the pipeline behind this address, e.g. tcp://host:5700; DIR has only the outbox then\n"
    "  example: parbus push values.csv --index pci --period 2013 --wait\n",
    run,
};
