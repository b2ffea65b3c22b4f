#include "base/bytes.h"
#include "catalog/check.h"
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
    pool_free(&(*c)->pool);
    free(*c);
    *c = NULL;
}

uint64_t catalog_control_seq(const struct catalog *c) { return c->control_seq; }
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
        if (strcmp(d->index, index) || d->published > as_of)
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

/* ---- applying ---- */

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

static enum err apply_registry(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__Registry *r = control->registry;
    enum err err = check_registry_first(r, e);
    if (err)
        return err;
    if (registry_entry(c, r->code, r->version))
        return err_set(e, ERR_INVALID, "registry %s version %u is published already", r->code, r->version);
    c->registry = pointers_grown(c->registry, c->registry_count);
    c->registry[c->registry_count++] = build_registry(&c->pool, r, control->control_seq);
    return OK;
}

static enum err check_cohort(const Parbus__Definition *d, const struct registry *r, struct err_text *e)
{
    for (size_t i = 0; i < d->n_cohort; i++)
        if (!registry_unit(r, d->cohort[i]))
            return err_set(e, ERR_INVALID, "index %s: the cohort's unit %u is not in registry %s", d->index,
                           d->cohort[i], r->code);
    return OK;
}

static enum err apply_definition(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__Definition *d = control->definition;
    enum err err = check_definition_first(d, e);
    if (err)
        return err;
    const struct definition *newest = catalog_find_definition(c, d->index, UINT64_MAX);
    if (newest && newest->version >= d->version)
        return err_set(e, ERR_INVALID, "index %s: version %u comes after version %u", d->index, d->version,
                       newest->version);
    const struct registry *r = catalog_find_registry(c, d->registry, d->registry_version);
    if (!r)
        return err_set(e, ERR_INVALID, "index %s: registry %s version %u is unknown", d->index, d->registry,
                       d->registry_version);
    err = check_cohort(d, r, e);
    if (err)
        return err;
    size_t at = definition_position(c, d->index, d->version);
    c->definition = pointers_grown(c->definition, c->definition_count);
    memmove(c->definition + at + 1, c->definition + at, (c->definition_count - at) * sizeof *c->definition);
    c->definition[at] = build_definition(&c->pool, d, r, control->control_seq);
    c->definition_count++;
    return OK;
}

static enum err apply_period(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__PeriodOpened *p = control->period_opened;
    const char *index = p->index ? p->index : "", *period = p->period ? p->period : "";
    const struct definition *d = catalog_definition_version(c, index, p->version);
    if (!d)
        return err_set(e, ERR_INVALID, "period %s: index %s has no version %u", period, index, p->version);
    if (!catalog_period_ok(d->period_kind, period))
        return err_set(e, ERR_INVALID, "index %s: '%s' is not a period (%s)", index, period, d->period_kind);
    if (catalog_find_series(c, index, period, UINT64_MAX))
        return err_set(e, ERR_INVALID, "index %s: period %s is open already", index, period);
    if (p->series != c->series_count + 1)
        return err_set(e, ERR_INVALID, "index %s: period %s has series number %u, the next one is %zu", index, period,
                       p->series, c->series_count + 1);
    struct series *s = pool_alloc(&c->pool, sizeof *s);
    *s = (struct series){p->series, d, pool_text(&c->pool, period), control->control_seq};
    c->series = pointers_grown(c->series, c->series_count);
    c->series[c->series_count++] = s;
    slots_grow(c);
    slot_put(c, series_hash(d->index, s->period), s->number);
    return OK;
}

enum err catalog_apply(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    static enum err (*const apply[])(struct catalog *, const Parbus__Control *, struct err_text *) = {
        [PARBUS__CONTROL__BODY_REGISTRY] = apply_registry,     [PARBUS__CONTROL__BODY_DEFINITION] = apply_definition,
        [PARBUS__CONTROL__BODY_PERIOD_OPENED] = apply_period,  [PARBUS__CONTROL__BODY_SET_ASIDE] = apply_set_aside,
        [PARBUS__CONTROL__BODY_READMITTED] = apply_readmitted,
    };
    if (control->control_seq != c->control_seq + 1)
        return err_set(e, ERR_INVALID, "control record %llu follows %llu", (unsigned long long)control->control_seq,
                       (unsigned long long)c->control_seq);
    size_t kind = (size_t)control->body_case;
    if (kind >= sizeof apply / sizeof *apply || !apply[kind])
        return err_set(e, ERR_INVALID, "control record %llu is of a kind that this program does not know",
                       (unsigned long long)control->control_seq);
    enum err err = apply[kind](c, control, e);
    if (!err)
        c->control_seq++;
    return err_wrap(e, err, "control record %llu", (unsigned long long)control->control_seq);
}

enum err catalog_apply_packed(void *catalog, uint64_t seq, const void *packed, size_t bytes, struct err_text *e)
{
    Parbus__Control *control = parbus__control__unpack(NULL, bytes, packed);
    if (!control)
        return err_set(e, ERR_CORRUPT, "control record %llu cannot be read", (unsigned long long)seq);
    enum err err = catalog_apply(catalog, control, e);
    parbus__control__free_unpacked(control, NULL);
    return err;
}
