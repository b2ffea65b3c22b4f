#include "services/parbus/catalog/directory.h"
#include "base/plural.h"
#include <stdio.h>

static void print_fault(void *ctx, const char *file, int line, const char *text)
{
    unsigned *faults = ctx;
    (*faults)++;
    if (line > 0)
        fprintf(stderr, "%s:%d: %s\n", file, line, text);
    else
        fprintf(stderr, "%s: %s\n", file, text);
}

struct catalog_set *catalog_directory_load(const struct command *c, const char *directory)
{
    unsigned faults = 0;
    struct catalog_set *set = catalog_load(directory, print_fault, &faults);
    if (!set)
        command_failed(c, "%s: %u %s", directory, faults, plural(faults, "fault", "faults"));
    return set;
}
