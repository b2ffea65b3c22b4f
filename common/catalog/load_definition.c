#include "base/err.h"
#include "catalog/check.h"
#include "catalog/loader.h"
#include "catalog/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Parbus__Definition *of(void *file) { return ((struct definition_file *)file)->definition; }

static void index_code(struct source *s, yaml_node_t *v, void *f) { read_text(s, v, &of(f)->index); }
static void version(struct source *s, yaml_node_t *v, void *f) { of(f)->has_version = read_u32(s, v, &of(f)->version); }
static void source_note(struct source *s, yaml_node_t *v, void *f) { read_text(s, v, &of(f)->source); }
static void decimals(struct source *s, yaml_node_t *v, void *f)
{
    of(f)->has_decimals = read_u32(s, v, &of(f)->decimals);
}

static void title(struct source *s, yaml_node_t *v, void *f)
{
    struct title title = {0};
    load_title(s, v, &title);
    of(f)->title_vi = title.vi;
    of(f)->title_en = title.en;
}

static void status(struct source *s, yaml_node_t *v, void *f)
{
    int number;
    if (read_word(s, v, &words_status, &number))
        of(f)->status = pool_text(s->reader->pool, words_text(&words_status, number));
}

static void missing(struct source *s, yaml_node_t *v, void *f)
{
    int number = PARBUS__MISSING__MISSING_INCOMPLETE;
    read_word(s, v, &words_missing, &number);
    of(f)->has_missing = true;
    of(f)->missing = (Parbus__Missing)number;
}

static void stages(struct source *s, yaml_node_t *v, void *f)
{
    Parbus__Definition *d = of(f);
    size_t count = sequence_count(s, v);
    d->stage = pool_array(s->reader->pool, count, sizeof *d->stage);
    int number;
    for (size_t i = 0; i < count; i++)
        if (read_word(s, sequence_item(s, v, i), &words_stage, &number))
            d->stage[d->n_stage++] = (Parbus__Stage)number;
}

/* One kind, or a list of kinds: an index can be published by the month and by the year. */
static void period_kind(struct source *s, yaml_node_t *v, void *f)
{
    char kinds[64] = "";
    bool list = v->type == YAML_SEQUENCE_NODE;
    size_t count = list ? sequence_count(s, v) : 1, n = 0;
    int number;
    for (size_t i = 0; i < count && n < sizeof kinds; i++) {
        yaml_node_t *word = list ? sequence_item(s, v, i) : v;
        if (read_word(s, word, &words_period_kind, &number))
            n += (size_t)snprintf(kinds + n, sizeof kinds - n, "%s%s", n ? "," : "", scalar_text(word));
    }
    of(f)->period_kind = pool_text(s->reader->pool, kinds);
}

/* ---- who takes part ---- */

static void registry(struct source *s, yaml_node_t *v, void *f) { read_text(s, v, &of(f)->registry); }

static void registry_version(struct source *s, yaml_node_t *v, void *object)
{
    struct definition_file *f = object;
    Parbus__Definition *d = f->definition;
    d->has_registry_version = read_u32(s, v, &d->registry_version);
    if (d->registry && d->has_registry_version && !loader_registry(f->loader, d->registry, d->registry_version))
        source_fault(s, mapping_value(s, s->root, "registry"), "unknown registry %s version %u", d->registry,
                     d->registry_version);
}

enum { PERIODS_MAX = 4096 }; /* of one definition */

static int compare_code(const void *a, const void *b)
{
    const Parbus__Unit *const *x = a, *const *y = b;
    return strcmp((*x)->code ? (*x)->code : "", (*y)->code ? (*y)->code : "");
}

/* The registry's units by code: a cohort may be as long as the registry. */
static const Parbus__Unit **units_by_code(const Parbus__Registry *r)
{
    const Parbus__Unit **unit = calloc(r->n_unit + 1, sizeof *unit);
    ASSERT(unit);
    for (size_t i = 0; i < r->n_unit; i++)
        unit[i] = r->unit[i];
    qsort(unit, r->n_unit, sizeof *unit, compare_code);
    return unit;
}

static uint32_t unit_of_code(const Parbus__Unit **unit, size_t count, const char *code)
{
    Parbus__Unit wanted = {.code = (char *)code};
    const Parbus__Unit *key = &wanted, **found = bsearch(&key, unit, count, sizeof *unit, compare_code);
    return found ? (*found)->id : UNIT_NONE;
}

static int compare_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void cohort(struct source *s, yaml_node_t *v, void *object)
{
    struct definition_file *f = object;
    Parbus__Definition *d = f->definition;
    const struct registry_file *r = d->registry ? loader_registry(f->loader, d->registry, d->registry_version) : NULL;
    size_t count = sequence_count(s, v);
    if (!r)
        return;
    const Parbus__Unit **by_code = units_by_code(r->registry);
    d->cohort = pool_array(s->reader->pool, count, sizeof *d->cohort);
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = sequence_item(s, v, i);
        uint32_t unit = unit_of_code(by_code, r->registry->n_unit, scalar_text(item));
        if (unit == UNIT_NONE)
            source_fault(s, item, "registry %s has no unit with the code '%s'", d->registry, scalar_text(item));
        else
            d->cohort[d->n_cohort++] = unit;
    }
    free(by_code);
    if (d->n_cohort)
        qsort(d->cohort, d->n_cohort, sizeof *d->cohort, compare_id);
}

/* ---- what and when ---- */

static void periods(struct source *s, yaml_node_t *v, void *object)
{
    struct definition_file *f = object;
    const char *kinds = f->definition->period_kind ? f->definition->period_kind : "";
    size_t count = sequence_count(s, v);
    if (count > PERIODS_MAX) {
        source_fault(s, v, "more than %d periods", PERIODS_MAX);
        return;
    }
    f->periods = v;
    f->period = pool_array(s->reader->pool, count, sizeof *f->period);
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = sequence_item(s, v, i);
        f->period[f->period_count++] = pool_text(s->reader->pool, scalar_text(item));
        if (kinds[0] && !catalog_period_ok(kinds, scalar_text(item)))
            source_fault(s, item, "'%s' is not a period of kind %s: 2025, 2025-Q3, 2025-10", scalar_text(item), kinds);
    }
}

static void tree(struct source *s, yaml_node_t *v, void *f) { load_tree(s, v, of(f)); }

static const struct field definition_fields[] = {
    {"index", true, index_code},
    {"version", true, version},
    {"title", true, title},
    {"status", true, status},
    {"source", true, source_note},
    {"registry", true, registry},
    {"registry_version", true, registry_version},
    {"cohort", false, cohort},
    {"period_kind", true, period_kind},
    {"periods", true, periods},
    {"decimals", true, decimals},
    {"missing", true, missing},
    {"stages", true, stages},
    {"tree", true, tree},
};

void load_definition(struct loader *l, struct source *s)
{
    struct definition_file f = {.source = s, .loader = l};
    f.definition = pool_alloc(l->reader.pool, sizeof *f.definition);
    parbus__definition__init(f.definition);
    read_mapping(s, s->root, definition_fields, sizeof definition_fields / sizeof *definition_fields, &f);
    check_definition(&(struct check){load_check_fault, s}, f.definition);
    l->definition = realloc(l->definition, (l->definition_count + 1) * sizeof *l->definition);
    ASSERT(l->definition);
    l->definition[l->definition_count++] = f;
}
