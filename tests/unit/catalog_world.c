#include "catalog_world.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char world_registry[] = "registry: units\n"
                              "version: 1\n"
                              "title: Units\n"
                              "source: made up\n"
                              "units:\n"
                              "  - {id: 1, code: a, name: An, aliases: [Ann, Anh]}\n"
                              "  - {id: 2, code: b, name: Binh}\n"
                              "  - {id: 3, code: c, name: Cuong}\n";

const char world_index[] =
    "index: one\n"
    "version: 1\n"
    "title: {vi: Một, en: One}\n"
    "status: official\n"
    "source: made up\n"
    "registry: units\n"
    "registry_version: 1\n"
    "cohort: [a, c]\n"
    "period_kind: year\n"
    "periods: [2024, 2025]\n" /* 10 */
    "decimals: 2\n"
    "missing: incomplete\n"
    "stages: [self, survey]\n"
    "tree:\n"
    "  id: 1\n"
    "  code: root\n"
    "  title: {vi: Gốc, en: Root}\n"
    "  max: 100\n"
    "  children:\n"
    "    - {id: 2, code: A, title: {vi: A, en: A}, max: 40, rule: points}\n" /* 20 */
    "    - id: 3\n"
    "      code: B\n"
    "      title: {vi: B, en: B}\n"
    "      max: 60\n"
    "      aggregation: arithmetic\n"
    "      children:\n"
    "        - {id: 4, code: B1, title: {vi: B, en: B}, max: 60, weight: 0.4,\n"
    "           rule: {kind: ratio, range: [0, 100], target: 90, floor: 50}}\n"
    "        - {id: 5, code: B2, title: {vi: B, en: B}, max: 60, weight: 30%, rule: {kind: checklist, items: 4}}\n"
    "        - id: 6\n" /* 30 */
    "          code: B3\n"
    "          title: {vi: B, en: B}\n"
    "          max: 60\n"
    "          weight: 0.3\n"
    "          rule: {kind: steps, range: [0, 10], steps: [[1, 20], [5, 60]]}\n";

void world_fault(void *ctx, const char *file, int line, const char *text)
{
    struct world *b = ctx;
    cr_assert_lt(b->faults, FAULTS_MAX);
    snprintf(b->fault[b->faults].file, sizeof b->fault[0].file, "%s", file);
    snprintf(b->fault[b->faults].text, sizeof b->fault[0].text, "%s", text);
    b->fault[b->faults++].line = line;
}

void world_write(const struct world *b, const char *name, const char *text, size_t bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", b->directory, name);
    FILE *out = fopen(path, "wb");
    cr_assert(out != NULL, "%s", path);
    cr_assert_eq(fwrite(text, 1, bytes, out), bytes);
    cr_assert_eq(fclose(out), 0);
}

void world_open(struct world *b)
{
    *b = (struct world){.directory = "/tmp/parbus-catalog-XXXXXX"};
    cr_assert(mkdtemp(b->directory) != NULL);
    char registries[96];
    snprintf(registries, sizeof registries, "%s/registries", b->directory);
    cr_assert_eq(mkdir(registries, 0700), 0);
    world_write(b, "registries/units.yaml", world_registry, strlen(world_registry));
    world_write(b, "one.yaml", world_index, strlen(world_index));
}

static void remove_files(const char *directory)
{
    DIR *d = opendir(directory);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(path))
            remove_files(path);
    }
    closedir(d);
    rmdir(directory);
}

void world_close(struct world *b) { remove_files(b->directory); }

bool world_loads(struct world *b)
{
    struct catalog_set *set = catalog_load(b->directory, world_fault, b);
    bool loaded = set != NULL;
    cr_expect_eq(loaded, b->faults == 0);
    catalog_set_destroy(&set);
    return loaded;
}

char *world_replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    cr_assert(at != NULL, "'%s' is not in the text", from);
    char *out;
    cr_assert_gt(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)), 0);
    return out;
}

void world_rewrite(const struct world *b, const char *name, const char *text, const char *from, const char *to)
{
    char *changed = world_replaced(text, from, to);
    world_write(b, name, changed, strlen(changed));
    free(changed);
}

bool world_has_fault(const struct world *b, const char *file, int line, const char *text)
{
    for (size_t i = 0; i < b->faults; i++) {
        const char *base = b->fault[i].file + strlen(b->directory) + 1;
        if (!strcmp(base, file) && b->fault[i].line == line && strstr(b->fault[i].text, text))
            return true;
    }
    return false;
}

void world_print(const struct world *b)
{
    for (size_t i = 0; i < b->faults; i++)
        fprintf(stderr, "  have %s:%d: %s\n", b->fault[i].file, b->fault[i].line, b->fault[i].text);
}
