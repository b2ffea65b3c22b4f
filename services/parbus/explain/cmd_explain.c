#include "services/parbus/command.h"
#include "services/parbus/explain/print.h"
#include <string.h>

static const struct {
    const char *name;
    void (*print)(const struct explanation *x);
} formats[] = {{"table", explain_print_table}, {"json", explain_print_json}};
enum { FORMATS = sizeof formats / sizeof *formats };

static size_t format_of(const char *name)
{
    size_t i = 0;
    while (i < FORMATS && strcmp(formats[i].name, name) != 0)
        i++;
    return i;
}

static int explain(char **argv, const char *directory, size_t format)
{
    struct explanation x;
    struct err_text e = {""};
    enum err err = explain_open(&x, directory, &e);
    if (!err)
        err = explain_read(&x, argv[0], argv[1], argv[2], &e);
    if (!err)
        formats[format].print(&x);
    explain_close(&x);
    return err ? command_failed(&command_explain, "%s", e.text) : 0;
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {0}};
    size_t format = 0;
    for (int found; (found = command_option(&command_explain, argc, argv, options)) != -1;) {
        if (found == '?')
            return 2;
        format = format_of(optarg);
    }
    if (format == FORMATS)
        return command_usage_error(&command_explain, "the format is table or json");
    if (argc - optind != 3)
        return command_usage_error(&command_explain, "name an index, a period and a unit");
    return explain(argv + optind, directory, format);
}

const struct command command_explain = {
    "explain",
    "INDEX PERIOD UNIT [--format table|json]",
    "where every point of a unit comes from",
    "UNIT is a code, a name or an alias. For each indicator: value, rule, stage, feeder, times, position\n"
    "in the journal (partition:pseq), evidence, what it replaced, and the values of lower stages.\n"
    "  --format table|json\n",
    run,
};
