#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/keys/keys.h"
#include "services/parbus/push/push.h"
#include "wire/wire.h"
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_S = 60, TIMEOUT_S_MAX = 86400 };

static int push(const struct push_options *o)
{
    struct push_report report;
    struct parbus_feeder_totals totals = {0};
    struct err_text e;
    push_report_start(&report, o);
    enum err err = push_run(o, &report, &totals, &e);
    if (o->json || !err || report.rows_read)
        push_report_result(&report, &totals, err ? e.text : NULL);
    if (err)
        push_report_words(&report, "%s", e.text);
    bool fine = !err && !report.rows_bad && !report.failures && !report.rows_rejected;
    push_report_free(&report);
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

enum { AS = 1, INDEX, PERIOD, STAGE, WAIT, STRICT, BATCH, TIMEOUT, FORMAT, DOOR, TAKE_OVER, CONTEXT };
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
                                        {"take-over", no_argument, NULL, TAKE_OVER},
                                        {"context", required_argument, NULL, CONTEXT},
                                        {0}};

/* What the options want, in the order above. */
static const char *const wanted[] = {
    "a name of 1 to 64 letters, digits, '.', '_' and '-', without a dot at its beginning",
    "a name of 1 to 64 bytes",
    "a name of 1 to 64 bytes",
    "self, appraised_1, appraised_2 or survey",
    NULL,
    NULL,
    "a number from 1 to 16384",
    "seconds from 1 to 86400",
    "table or json",
    "an endpoint such as tcp://host:5700",
    NULL,
    "the name of a context, or its file"};

static bool take_option(struct push_options *o, int option, const char **context)
{
    switch (option) {
    case CONTEXT:
        *context = optarg;
        return *optarg;
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
    case TAKE_OVER:
        return o->take_over = true;
    case DOOR:
        o->door = optarg;
        return strstr(optarg, "://") != NULL;
    default:
        return take_format(optarg, &o->json);
    }
}

/* What was said goes before what the context says. */
static int take_context(struct push_options *o, struct named_context *c, const char *name)
{
    int status = named_context_read(c, &command_push, name);
    o->keys = named_context_keys(c);
    if (c->there && !o->door && c->context.door[0])
        o->door = c->context.door;
    if (!o->feeder)
        o->feeder = c->there ? c->context.name : default_feeder();
    return status;
}

static int run(int argc, char **argv, const char *directory)
{
    struct push_options o = {.directory = directory, .batch = PUSH_ROWS_MAX, .timeout_s = TIMEOUT_S};
    struct named_context named;
    const char *context = NULL;
    int option, status;
    while ((option = command_option(&command_push, argc, argv, options)) > 0 && option != '?')
        if (!take_option(&o, option, &context))
            return command_usage_error(&command_push, "--%s wants %s, not '%s'", options[option - 1].name,
                                       wanted[option - 1], optarg);
    if (option == '?')
        return 2;
    if ((o.door || context) && o.strict)
        return command_usage_error(&command_push, "--strict reads the journal of DIR and does not go with --door");
    o.file_count = argc - optind;
    o.file = argv + optind;
    if (o.file_count == 0)
        return command_usage_error(&command_push, "name a file, or - for standard input");
    status = take_context(&o, &named, context);
    if (!status)
        status = push(&o);
    named_context_forget(&named);
    return status;
}

const struct command command_push = {
    "push",
    "FILE.csv… [--as FEEDER] [--index I] [--period P] [--stage S] [--wait] [--strict] [--batch N] [--timeout S] "
    "[--format table|json] [--context NAME] [--door ENDPOINT] [--take-over]",
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
    "  --context NAME\n"
    "                who you are, your key and the address, from NAME.context or a file (default: $PARBUS_CONTEXT)\n"
    "  --take-over   this outbox has the feeder's name from now on, whoever has it: for when that one is lost, or "
    "never "
    "comes\n"
    "                back; what it holds waits until it takes over itself\n"
    "  example: parbus push values.csv --index pci --period 2013 --wait\n",
    run,
};
