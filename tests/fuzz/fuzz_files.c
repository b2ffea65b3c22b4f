/* Whatever stands in a file of the catalog or in a file of keys: it is read, or every fault is told with its line. The
 * first byte says which of them the rest is. */
#include "base/err.h"
#include "catalog/load.h"
#include "context/context.h"
#include "fuzz.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64], registry[128], definition[128], keys[128];

static void write_file(const char *path, const void *data, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ASSERT(fd >= 0);
    ssize_t written = write(fd, data, bytes);
    ASSERT(written == (ssize_t)bytes);
    close(fd);
}

static void write_text(const char *path, const char *text) { write_file(path, text, strlen(text)); }

static void prepare(void)
{
    strcpy(place, "/dev/shm/parbus-fuzz-XXXXXX");
    char *made = mkdtemp(place);
    ASSERT(made);
    snprintf(registry, sizeof registry, "%s/registries", place);
    int failed = mkdir(registry, 0700);
    ASSERT(!failed);
    snprintf(registry, sizeof registry, "%s/registries/a.yaml", place);
    snprintf(definition, sizeof definition, "%s/a.yaml", place);
    snprintf(keys, sizeof keys, "%s/keys", place);
}

static const char good_registry[] = "registry: r\nversion: 1\ntitle: R\nsource: here\nunits:\n"
                                    "  - {id: 1, code: A, name: Alpha}\n  - {id: 2, code: B, name: Beta}\n";
static const char good_definition[] =
    "index: x\nversion: 1\ntitle: {vi: X, en: X}\nstatus: illustrative\nsource: here\nregistry: r\n"
    "registry_version: 1\nperiod_kind: year\nperiods: [2025]\ndecimals: 2\nmissing: incomplete\nstages: [self]\n"
    "tree:\n  id: 1\n  code: total\n  title: {vi: T, en: T}\n  max: 1\n  aggregation: sum\n  children:\n"
    "    - {id: 2, code: a, title: {vi: A, en: A}, max: 1, rule: points}\n";

static void on_fault(void *ctx, const char *file, int line, const char *text)
{
    ASSERT(file && text[0] && line >= 0);
    ++*(int *)ctx;
}

static void load(void)
{
    int faults = 0;
    struct catalog_set *set = catalog_load(place, on_fault, &faults);
    ASSERT(!set == (faults > 0));
    if (set)
        catalog_set_destroy(&set);
}

static void read_keys(void)
{
    struct context c, again;
    struct err_text e = {""};
    if (context_read(&c, keys, &e)) {
        ASSERT(strstr(e.text, keys) == e.text);
        return;
    }
    ASSERT(context_write(&c, keys, true, &e) == OK);
    ASSERT(context_read(&again, keys, &e) == OK && memcmp(&c, &again, sizeof c) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!place[0])
        prepare();
    if (!bytes)
        return 0;
    write_text(registry, good_registry);
    write_text(definition, good_definition);
    write_file(data[0] == 'k' ? keys : data[0] == 'r' ? registry : definition, data + 1, bytes - 1);
    if (data[0] == 'k')
        read_keys();
    else
        load();
    return 0;
}
