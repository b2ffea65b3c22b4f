#include "base/bytes.h"
#include "catalog/fold.h"
#include "catalog/model.h"
#include <stdlib.h>
#include <string.h>

static const enum fold_level folds[LOOKUP_LEVELS] = {FOLD_NONE, FOLD_NONE, FOLD_CASE, FOLD_MARKS};

static struct lookup_slot *slot_of(const struct registry_lookup *l, enum lookup_level level, const char *key,
                                   uint32_t hash)
{
    size_t at = (hash + (size_t)level * 0x9e3779b9u) & (l->slot_count - 1);
    for (; l->slot[at].key; at = (at + 1) & (l->slot_count - 1))
        if (l->slot[at].hash == hash && l->slot[at].level == level && !strcmp(l->slot[at].key, key))
            break;
    return &l->slot[at];
}

static uint32_t key_hash(const char *key, size_t bytes) { return (uint32_t)hash_bytes(key, bytes); }

static void add_fit(struct pool *pool, struct lookup_slot *slot, uint32_t unit)
{
    if (slot->unit == unit)
        return;
    for (const struct lookup_fit *f = slot->more; f; f = f->next)
        if (f->unit == unit)
            return;
    struct lookup_fit *fit = pool_alloc(pool, sizeof *fit);
    *fit = (struct lookup_fit){unit, slot->more};
    slot->more = fit;
}

static void add_key(struct pool *pool, struct registry_lookup *l, enum lookup_level level, const char *key,
                    size_t bytes, uint32_t unit)
{
    uint32_t hash = key_hash(key, bytes);
    struct lookup_slot *slot = slot_of(l, level, key, hash);
    if (slot->key) {
        add_fit(pool, slot, unit);
        return;
    }
    l->used++;
    ASSERT(l->used < l->slot_count);
    *slot = (struct lookup_slot){.key = pool_text_n(pool, key, bytes),
                                 .signature = fold_signature(key, bytes),
                                 .unit = unit,
                                 .hash = hash,
                                 .bytes = (uint16_t)bytes,
                                 .level = (uint8_t)level};
}

static void add_text(struct pool *pool, struct registry_lookup *l, const char *text, uint32_t unit)
{
    char folded[FOLD_BYTES_MAX];
    add_key(pool, l, LOOKUP_EXACT, text, strlen(text), unit);
    for (enum lookup_level level = LOOKUP_CASE; level < LOOKUP_LEVELS; level++) {
        size_t bytes = fold_text(text, folds[level], folded);
        if (bytes)
            add_key(pool, l, level, folded, bytes, unit);
    }
}

struct registry_lookup *lookup_build(struct pool *pool, const struct registry *r)
{
    struct registry_lookup *l = pool_alloc(pool, sizeof *l);
    size_t keys = 0;
    for (size_t i = 0; i < r->unit_count; i++)
        keys += 1 + 3 * (2 + r->unit[i].alias_count);
    for (l->slot_count = 16; l->slot_count < 2 * keys;)
        l->slot_count *= 2;
    l->slot = pool_array(pool, l->slot_count, sizeof *l->slot);
    for (size_t i = 0; i < r->unit_count; i++) {
        const struct unit *u = &r->unit[i];
        add_key(pool, l, LOOKUP_CODE, u->code, strlen(u->code), u->id);
        add_text(pool, l, u->code, u->id);
        add_text(pool, l, u->name, u->id);
        for (size_t k = 0; k < u->alias_count; k++)
            add_text(pool, l, u->alias[k], u->id);
    }
    return l;
}

static const struct lookup_slot *find_folded(const struct registry_lookup *l, const char *text)
{
    char folded[FOLD_BYTES_MAX];
    for (enum lookup_level level = LOOKUP_CASE; level < LOOKUP_LEVELS; level++) {
        size_t bytes = fold_text(text, folds[level], folded);
        if (!bytes)
            return NULL;
        const struct lookup_slot *slot = slot_of(l, level, folded, key_hash(folded, bytes));
        if (slot->key)
            return slot;
    }
    return NULL;
}

const struct lookup_slot *lookup_find(const struct registry_lookup *l, const char *text)
{
    uint32_t hash = key_hash(text, strlen(text));
    for (enum lookup_level level = LOOKUP_CODE; level <= LOOKUP_EXACT; level++) {
        const struct lookup_slot *slot = slot_of(l, level, text, hash);
        if (slot->key)
            return slot;
    }
    return find_folded(l, text);
}

uint32_t registry_resolve(const struct registry *r, const char *text)
{
    const struct lookup_slot *slot = lookup_find(r->lookup, text);
    if (!slot)
        return UNIT_NONE;
    return slot->more ? UNIT_AMBIGUOUS : slot->unit;
}

static int compare_unit(const void *id, const void *unit)
{
    uint32_t a = *(const uint32_t *)id, b = ((const struct unit *)unit)->id;
    return (a > b) - (a < b);
}

const struct unit *registry_unit(const struct registry *r, uint32_t id)
{
    if (id - 1u < r->unit_count && r->unit[id - 1].id == id)
        return &r->unit[id - 1];
    return bsearch(&id, r->unit, r->unit_count, sizeof *r->unit, compare_unit);
}

static int compare_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

const struct node *definition_coded(const struct definition *d, const char *code)
{
    for (size_t i = 0; i < d->node_count; i++)
        if (strcmp(d->node[i].code, code) == 0)
            return &d->node[i];
    return NULL;
}

bool definition_under(const struct definition *d, const struct node *node, const char *code)
{
    while (strcmp(node->code, code) != 0) {
        if (node->parent < 0)
            return false;
        node = &d->node[node->parent];
    }
    return true;
}

bool definition_in_cohort(const struct definition *d, uint32_t unit)
{
    if (unit - 1u < d->cohort_count && d->cohort[unit - 1] == unit)
        return true;
    return bsearch(&unit, d->cohort, d->cohort_count, sizeof *d->cohort, compare_id) != NULL;
}

/* Partitions depend on the two codes alone, so that a unit stays where it is when a registry gets a new version. */
uint32_t catalog_partition(const struct registry *r, uint32_t unit, uint32_t partitions)
{
    const struct unit *u = registry_unit(r, unit);
    ASSERT(u);
    char text[2 * 64 + 2];
    size_t registry_bytes = strlen(r->code), unit_bytes = strlen(u->code);
    ASSERT(registry_bytes <= 64 && unit_bytes <= 64);
    memcpy(text, r->code, registry_bytes);
    text[registry_bytes] = '/';
    memcpy(text + registry_bytes + 1, u->code, unit_bytes);
    return (uint32_t)(hash_bytes(text, registry_bytes + 1 + unit_bytes) % partitions);
}
