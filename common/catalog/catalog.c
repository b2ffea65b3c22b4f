#include "base/bytes.h"
#include "catalog/model.h"
#include <stdlib.h>
#include <string.h>

struct series_slot {
    uint32_t hash, number; /* 0: free */
};

struct catalog *catalog_new(void)
{
    struct catalog *c = calloc(1, sizeof *c);
    ASSERT(c);
    c->access = access_new();
    return c;
}

void catalog_destroy(struct catalog **c)
{
    if (!*c)
        return;
    free((*c)->registry);
    free((*c)->definition);
    free((*c)->series);
    free((*c)->slot);
    free((*c)->set_aside);
    access_destroy(&(*c)->access);
    pool_free(&(*c)->pool);
    free(*c);
    *c = NULL;
}

uint64_t catalog_control_seq(const struct catalog *c) { return c->control_seq; }
const struct access *catalog_access(const struct catalog *c) { return c->access; }
size_t catalog_series_count(const struct catalog *c) { return c->series_count; }

const struct series *catalog_series(const struct catalog *c, uint32_t number)
{
    return number - 1u < c->series_count ? c->series[number - 1] : NULL;
}

/* ---- look-ups ---- */

static const struct registry_entry *registry_entry(const struct catalog *c, const char *code, uint32_t version)
{
    for (size_t i = 0; i < c->registry_count; i++)
        if (c->registry[i]->registry.version == version && !strcmp(c->registry[i]->registry.code, code))
            return c->registry[i];
    return NULL;
}

/* Position of the first definition of `index` with at least this version; where it would be, if there is none. */
static size_t definition_position(const struct catalog *c, const char *index, uint32_t version)
{
    size_t low = 0, high = c->definition_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct definition *d = &c->definition[middle]->definition;
        int order = strcmp(d->index, index);
        if (order < 0 || (order == 0 && d->version < version))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct definition_entry *definition_entry(const struct catalog *c, const char *index, uint32_t version)
{
    size_t at = definition_position(c, index, version);
    if (at == c->definition_count)
        return NULL;
    const struct definition *d = &c->definition[at]->definition;
    return d->version == version && !strcmp(d->index, index) ? c->definition[at] : NULL;
}

const struct registry *catalog_find_registry(const struct catalog *c, const char *code, uint32_t version)
{
    const struct registry_entry *entry = registry_entry(c, code, version);
    return entry ? &entry->registry : NULL;
}

const struct definition *catalog_definition_version(const struct catalog *c, const char *index, uint32_t version)
{
    const struct definition_entry *entry = definition_entry(c, index, version);
    return entry ? &entry->definition : NULL;
}

uint64_t catalog_registry_content(const struct catalog *c, const char *code, uint32_t version)
{
    const struct registry_entry *entry = registry_entry(c, code, version);
    return entry ? entry->content : 0;
}

uint64_t catalog_definition_content(const struct catalog *c, const char *index, uint32_t version)
{
    const struct definition_entry *entry = definition_entry(c, index, version);
    return entry ? entry->content : 0;
}

/* Versions of an index are published in ascending order, so the last one seen is the newest. */
const struct definition *catalog_find_definition(const struct catalog *c, const char *index, uint64_t as_of)
{
    const struct definition *newest = NULL;
    for (size_t i = definition_position(c, index, 0); i < c->definition_count; i++) {
        const struct definition *d = &c->definition[i]->definition;
        if (strcmp(d->index, index) != 0 || d->published > as_of)
            break;
        newest = d;
    }
    return newest;
}

void catalog_each_index(const struct catalog *c, uint64_t as_of, void (*fn)(void *ctx, const struct definition *),
                        void *ctx)
{
    for (size_t i = 0; i < c->definition_count;) {
        const char *index = c->definition[i]->definition.index;
        const struct definition *d = catalog_find_definition(c, index, as_of);
        if (d)
            fn(ctx, d);
        while (i < c->definition_count && !strcmp(c->definition[i]->definition.index, index))
            i++;
    }
}

static uint32_t series_hash(const char *index, const char *period)
{
    uint64_t h = hash_bytes(index, strlen(index));
    return (uint32_t)(hash_mix(h ^ hash_bytes(period, strlen(period)) << 1) >> 32);
}

const struct series *catalog_find_series(const struct catalog *c, const char *index, const char *period, uint64_t as_of)
{
    if (!c->slot_count)
        return NULL;
    uint32_t hash = series_hash(index, period);
    for (size_t at = hash & (c->slot_count - 1); c->slot[at].number; at = (at + 1) & (c->slot_count - 1)) {
        if (c->slot[at].hash != hash)
            continue;
        const struct series *s = c->series[c->slot[at].number - 1];
        if (!strcmp(s->definition->index, index) && !strcmp(s->period, period))
            return s->opened <= as_of ? s : NULL;
    }
    return NULL;
}

/* ---- growing ---- */

void *pointers_grown(void *array, size_t count)
{
    if (count & (count - 1))
        return array;
    void *bigger = realloc(array, (count ? count * 2 : 1) * sizeof(void *));
    ASSERT(bigger);
    return bigger;
}

static void slot_put(struct catalog *c, uint32_t hash, uint32_t number)
{
    size_t at = hash & (c->slot_count - 1);
    while (c->slot[at].number)
        at = (at + 1) & (c->slot_count - 1);
    c->slot[at] = (struct series_slot){hash, number};
}

static void slots_grow(struct catalog *c)
{
    if (c->slot_count > 2 * c->series_count)
        return;
    struct series_slot *old = c->slot;
    size_t old_count = c->slot_count;
    c->slot_count = old_count ? old_count * 2 : 64;
    c->slot = calloc(c->slot_count, sizeof *c->slot);
    ASSERT(c->slot);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].number)
            slot_put(c, old[i].hash, old[i].number);
    free(old);
}

void catalog_add_registry(struct catalog *c, struct registry_entry *entry)
{
    c->registry = pointers_grown(c->registry, c->registry_count);
    c->registry[c->registry_count++] = entry;
}

void catalog_add_definition(struct catalog *c, struct definition_entry *entry)
{
    size_t at = definition_position(c, entry->definition.index, entry->definition.version);
    c->definition = pointers_grown(c->definition, c->definition_count);
    memmove(c->definition + at + 1, c->definition + at, (c->definition_count - at) * sizeof *c->definition);
    c->definition[at] = entry;
    c->definition_count++;
}

void catalog_add_series(struct catalog *c, struct series *s)
{
    c->series = pointers_grown(c->series, c->series_count);
    c->series[c->series_count++] = s;
    slots_grow(c);
    slot_put(c, series_hash(s->definition->index, s->period), s->number);
}
