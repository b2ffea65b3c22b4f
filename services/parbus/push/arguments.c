#include "services/parbus/push/arguments.h"
#include "wire/wire.h"
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_S = 60, TIMEOUT_S_MAX = 86400 };

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

enum { AS = 1, INDEX, PERIOD, STAGE, WAIT, STRICT, BATCH, TIMEOUT, FORMAT, DOOR, TAKE_OVER, CONTEXT, WATCH };
static const struct option options[] = {
    {"as", required_argument, NULL, AS},         {"index", required_argument, NULL, INDEX},
    {"period", required_argument, NULL, PERIOD}, {"stage", required_argument, NULL, STAGE},
    {"wait", no_argument, NULL, WAIT},           {"strict", no_argument, NULL, STRICT},
    {"batch", required_argument, NULL, BATCH},   {"timeout", required_argument, NULL, TIMEOUT},
    {"format", required_argument, NULL, FORMAT}, {"door", required_argument, NULL, DOOR},
    {"take-over", no_argument, NULL, TAKE_OVER}, {"context", required_argument, NULL, CONTEXT},
    {"watch", required_argument, NULL, WATCH},   {0}};

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
    "the name of a context, or its file",
    "a directory"};

static bool take_option(struct push_arguments *a, int option)
{
    struct push_options *o = &a->options;
    switch (option) {
    case CONTEXT:
        a->context = optarg;
        return *optarg;
    case WATCH:
        a->watch = optarg;
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
int push_arguments_context(struct push_arguments *a, const struct command *command)
{
    struct push_options *o = &a->options;
    struct named_context *c = &a->named;
    int status = named_context_read(c, command, a->context, o->door ? NULL : o->directory);
    o->keys = named_context_keys(c);
    if (c->there && !o->door && c->context.door[0])
        o->door = c->context.door;
    if (!o->feeder)
        o->feeder = c->there ? c->context.name : default_feeder();
    return status;
}

int push_arguments_take(struct push_arguments *a, const struct command *command, int argc, char **argv,
                        const char *directory)
{
    int option;
    *a = (struct push_arguments){.options = {.directory = directory, .batch = PUSH_ROWS_MAX, .timeout_s = TIMEOUT_S}};
    while ((option = command_option(command, argc, argv, options)) > 0 && option != '?')
        if (!take_option(a, option))
            return command_usage_error(command, "--%s wants %s, not '%s'", options[option - 1].name, wanted[option - 1],
                                       optarg);
    if (option == '?')
        return 2;
    a->options.file_count = argc - optind;
    a->options.file = argv + optind;
    return 0;
}
