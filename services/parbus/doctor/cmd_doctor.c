#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/doctor/doctor.h"
#include "services/parbus/print/print.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static const struct command *const self = &command_doctor;

static const char *const words[] = {[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};

static void print_text(const struct doctor_finding *d)
{
    printf("%-4s  %-11s  ", words[d->verdict], d->check);
    print_plain(stdout, d->what);
    putchar('\n');
    if (!d->advice[0])
        return;
    printf("%19s", "");
    print_plain(stdout, d->advice);
    putchar('\n');
}

static void print_field(const char *name, const char *value, const char *after)
{
    printf("\"%s\": ", name);
    print_json(stdout, value);
    fputs(after, stdout);
}

static void print_object(const struct doctor_finding *d, bool first)
{
    printf("%s\n{", first ? "" : ",");
    print_field("check", d->check, ", ");
    print_field("verdict", words[d->verdict], ", ");
    print_field("what", d->what, ", ");
    print_field("advice", d->advice, "}");
}

static int examine(const char *directory, const char *context, bool json)
{
    static struct doctor_facts facts;
    static struct doctor_finding finding;
    bool failed = false;
    prctl(PR_SET_DUMPABLE, 0); /* a context may be read */
    doctor_collect(&facts, directory, context);
    link_shutdown();
    if (json)
        putchar('[');
    for (size_t i = 0; i < doctor_checks; i++) {
        doctor_check(i, &facts, &finding);
        failed = failed || finding.verdict == DOCTOR_FAIL;
        if (json)
            print_object(&finding, i == 0);
        else
            print_text(&finding);
    }
    if (json)
        puts("\n]");
    return failed;
}

enum { CONTEXT = 1, FORMAT };

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {
        {"context", required_argument, NULL, CONTEXT}, {"format", required_argument, NULL, FORMAT}, {0}};
    const char *context = getenv("PARBUS_CONTEXT"), *format = "table";
    for (int option; (option = command_option(self, argc, argv, options)) != -1;) {
        if (option == '?')
            return 2;
        *(option == CONTEXT ? &context : &format) = optarg;
    }
    if (optind < argc)
        return command_usage_error(self, "it takes no arguments");
    if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
        return command_usage_error(self, "there is no format '%s'", format);
    return examine(directory, context && *context ? context : NULL, *format == 'j');
}

const struct command command_doctor = {
    "doctor",
    "[--context NAME] [--format table|json]",
    "is this host, directory and context as it should be?",
    "Looks at owner and modes of DIR, its file system and room, limits (descriptors, core dumps), swap, the kernel's\n"
    "settings, contexts that others may read, the door and the clock against the door's, keys near their end, and\n"
    "says of each ok, warn or fail, and what to do. Exit status 1: something fails. Changes nothing.\n\n"
    "  --context NAME  ask the door of this context (default: $PARBUS_CONTEXT; without, that of DIR, if it is there)\n"
    "  --format F      table or json\n",
    run,
};
