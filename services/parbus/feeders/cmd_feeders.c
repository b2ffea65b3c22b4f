#include "link/link.h"
#include "services/parbus/command.h"
#include "services/parbus/feeders/feeders.h"
#include <stdio.h>
#include <string.h>

static const struct command *const self = &command_feeders;

static int list(const char *directory, const char *format)
{
    struct err_text e = {""};
    struct access_table t = feeders_list_table;
    t.format = format ? format : t.format;
    if (!access_format_ok(t.format))
        return command_usage_error(self, "there is no format '%s'", format);
    return feeders_list(directory, &t, &e) ? command_failed(self, "%s", e.text) : 0;
}

static int remove_one(const char *directory, const char *name)
{
    struct err_text e = {""};
    enum err err = feeders_remove(directory, name, &e);
    link_shutdown();
    if (err)
        return command_failed(self, "%s", e.text);
    fprintf(stderr, "feeder %s is removed: its place is free, what it has sent stays\n", name);
    return 0;
}

static int run(int argc, char **argv, const char *directory)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {0}};
    const char *format = NULL;
    for (int found; (found = command_option(self, argc, argv, options)) != -1;) {
        if (found == '?')
            return 2;
        format = optarg;
    }
    int words = argc - optind;
    if (words == 1 && !strcmp(argv[optind], "list"))
        return list(directory, format);
    if (words == 2 && !strcmp(argv[optind], "remove") && !format)
        return remove_one(directory, argv[optind + 1]);
    return command_usage_error(self, "list, or remove NAME");
}

const struct command command_feeders = {
    "feeders",
    "list|remove …",
    "who has submitted, and whose place is given to others",
    "  list [--format table|csv|json]   every feeder of the journal: its number, epoch, last submission with a "
    "receipt,\n"
    "                                   and whether its name is held, free or removed\n"
    "  remove NAME                      it does not count for feeders_max any more. What it has sent stays; if it "
    "comes\n"
    "                                   again it goes on where it was, and needs a place\n",
    run,
};
