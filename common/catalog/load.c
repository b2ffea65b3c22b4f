#include "catalog/load.h"
#include "catalog/loader.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

static int is_yaml(const struct dirent *entry)
{
    size_t bytes = strlen(entry->d_name);
    return entry->d_name[0] != '.' && bytes > 5 && !strcmp(entry->d_name + bytes - 5, ".yaml");
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void directory_fault(struct loader *l, const char *directory, const char *text)
{
    l->reader.faults++;
    l->reader.fault(l->reader.ctx, directory, 0, text);
}

static void load_directory(struct loader *l, const char *directory, void (*load)(struct loader *, struct source *))
{
    struct dirent **entry;
    int count = scandir(directory, &entry, is_yaml, by_name);
    if (count <= 0)
        directory_fault(l, directory, count < 0 ? strerror(errno) : "no .yaml file is here");
    for (int i = 0; i < count; i++) {
        char file[PATH_MAX];
        snprintf(file, sizeof file, "%s/%s", directory, entry[i]->d_name);
        struct source *s = source_open(&l->reader, file);
        if (s)
            load(l, s);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
}

static void load_all(struct loader *l, const char *directory)
{
    char registries[PATH_MAX];
    snprintf(registries, sizeof registries, "%s/registries", directory);
    load_directory(l, registries, load_registry);
    load_directory(l, directory, load_definition);
    load_check_set(l);
}

/* ---- the set ---- */

static struct catalog_set *set_of(const struct loader *l)
{
    struct pool *pool = l->reader.pool;
    struct catalog_set *set = pool_alloc(pool, sizeof *set);
    set->memory = pool;
    set->registry_count = l->registry_count;
    set->definition_count = l->definition_count;
    set->registry = pool_array(pool, l->registry_count, sizeof *set->registry);
    set->definition = pool_array(pool, l->definition_count, sizeof *set->definition);
    set->period_count = pool_array(pool, l->definition_count, sizeof *set->period_count);
    set->period = pool_array(pool, l->definition_count, sizeof *set->period);
    for (size_t i = 0; i < l->registry_count; i++)
        set->registry[i] = l->registry[i].registry;
    for (size_t i = 0; i < l->definition_count; i++) {
        set->definition[i] = l->definition[i].definition;
        set->period_count[i] = l->definition[i].period_count;
        set->period[i] = l->definition[i].period;
    }
    return set;
}

struct catalog_set *catalog_load(const char *directory,
                                 void (*fault)(void *ctx, const char *file, int line, const char *text), void *ctx)
{
    struct pool *pool = calloc(1, sizeof *pool);
    ASSERT(pool);
    struct loader l = {.reader = {.fault = fault, .ctx = ctx, .pool = pool}};
    load_all(&l, directory);
    struct catalog_set *set = l.reader.faults ? NULL : set_of(&l);
    reader_close(&l.reader);
    free(l.registry);
    free(l.definition);
    if (!set) {
        pool_free(pool);
        free(pool);
    }
    return set;
}

void catalog_set_destroy(struct catalog_set **set)
{
    if (!*set)
        return;
    struct pool *pool = (*set)->memory; /* holds the set itself, too */
    pool_free(pool);
    free(pool);
    *set = NULL;
}
