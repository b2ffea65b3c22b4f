#include "base/plural.h"
#include "catalog/load.h"
#include "services/parbus/catalog/directory.h"
#include <stdio.h>
#include <string.h>

enum { PERIODS_WIDTH = 20 };

static void print_summary(const struct catalog_set *set, const char *directory)
{
    size_t periods = 0;
    for (size_t i = 0; i < set->definition_count; i++)
        periods += set->period_count[i];
    printf("%s: %zu %s, %zu %s, %zu %s, no fault\n", directory, set->registry_count,
           plural(set->registry_count, "registry", "registries"), set->definition_count,
           plural(set->definition_count, "definition", "definitions"), periods, plural(periods, "period", "periods"));
}

static void print_definition(const struct catalog_set *set, size_t i)
{
    const Parbus__Definition *d = set->definition[i];
    int width = 0;
    printf("%-20s %7u  %-12s ", d->index, d->version, d->status ? d->status : "");
    for (size_t k = 0; k < set->period_count[i]; k++)
        width += printf("%s%s", k ? " " : "", set->period[i][k]);
    printf("%*s  %s\n", width < PERIODS_WIDTH ? PERIODS_WIDTH - width : 0, "", d->title_en ? d->title_en : "");
}

static void print_list(const struct catalog_set *set, const char *directory)
{
    (void)directory;
    printf("%-20s %7s  %-12s %-*s  %s\n", "INDEX", "VERSION", "STATUS", PERIODS_WIDTH, "PERIODS", "TITLE");
    for (size_t i = 0; i < set->definition_count; i++)
        print_definition(set, i);
}

static const struct {
    const char *name;
    void (*print)(const struct catalog_set *set, const char *directory);
} actions[] = {{"check", print_summary}, {"list", print_list}};

static int run(int argc, char **argv, const char *directory)
{
    static const struct option none[] = {{0}};
    size_t action = 0;
    (void)directory;
    if (command_option(&command_catalog, argc, argv, none) != -1)
        return 2;
    while (optind < argc && action < 2 && strcmp(actions[action].name, argv[optind]) != 0)
        action++;
    if (optind == argc || action == 2 || argc - optind > 2)
        return command_usage_error(&command_catalog, "say check or list, and at most one directory");
    const char *wanted = optind + 1 < argc ? argv[optind + 1] : command_catalog_default();
    if (!wanted)
        return command_failed(&command_catalog, "no catalog found beside this program; name its directory");
    struct catalog_set *set = catalog_directory_load(&command_catalog, wanted);
    if (!set)
        return 1;
    actions[action].print(set, wanted);
    catalog_set_destroy(&set);
    return 0;
}

const struct command command_catalog = {
    "catalog",
    "check|list [CATALOG]",
    "check or list the index definitions in a directory",
    "  check   every fault with file and line; exit status 1 when there is one\n"
    "  list    indices, versions, status, periods\n"
    "Without CATALOG: the one that comes with parbus.\n",
    run,
};
