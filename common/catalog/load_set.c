#include "catalog/loader.h"
#include <stdlib.h>
#include <string.h>

static int compare_code(const char *a, uint32_t a_version, const char *b, uint32_t b_version)
{
    int order = strcmp(a ? a : "", b ? b : "");
    return order ? order : (a_version > b_version) - (a_version < b_version);
}

static int compare_registry(const void *a, const void *b)
{
    const struct registry_file *x = a, *y = b;
    int order = compare_code(x->registry->code, x->registry->version, y->registry->code, y->registry->version);
    return order ? order : strcmp(x->source->file, y->source->file);
}

static int compare_definition(const void *a, const void *b)
{
    const struct definition_file *x = a, *y = b;
    int order =
        compare_code(x->definition->index, x->definition->version, y->definition->index, y->definition->version);
    return order ? order : strcmp(x->source->file, y->source->file);
}

static yaml_node_t *version_key(struct source *s) { return mapping_key(s, s->root, "version"); }

static bool same_text(const char *a, const char *b) { return a && b && !strcmp(a, b); }

/* ---- registries ---- */

/* What is journalled under a number must mean the same unit in every version. */
static void check_unit_numbers(const struct registry_file *before, const struct registry_file *after)
{
    const Parbus__Registry *old = before->registry, *new = after->registry;
    for (size_t i = 0, k = 0; i < new->n_unit; i++) {
        while (k < old->n_unit && old->unit[k]->id < new->unit[i]->id)
            k++;
        if (k < old->n_unit && old->unit[k]->id == new->unit[i]->id &&
            old->unit[k]->code &&new->unit[i]->code &&strcmp(old->unit[k]->code, new->unit[i]->code) != 0)
            source_fault(after->source, after->source->item[i], "unit %u is %s in version %u; a number is given once",
                         new->unit[i]->id, old->unit[k]->code, old->version);
    }
}

static void check_registries(struct loader *l)
{
    for (size_t i = 1; i < l->registry_count; i++) {
        const struct registry_file *before = &l->registry[i - 1], *after = &l->registry[i];
        if (!same_text(before->registry->code, after->registry->code))
            continue;
        if (before->registry->version == after->registry->version)
            source_fault(after->source, version_key(after->source), "registry %s version %u stands in %s, too",
                         after->registry->code, after->registry->version, before->source->file);
        else
            check_unit_numbers(before, after);
    }
}

/* ---- definitions ---- */

static const Parbus__Node *node_of_id(const Parbus__Definition *d, uint32_t id)
{
    for (size_t i = 0; i < d->n_node; i++)
        if (d->node[i]->id == id)
            return d->node[i];
    return NULL;
}

static void check_node_numbers(const struct definition_file *before, const struct definition_file *after)
{
    for (size_t i = 0; i < after->definition->n_node; i++) {
        const Parbus__Node *new = after->definition->node[i], *old = node_of_id(before->definition, new->id);
        if (old && old->code && new->code &&strcmp(old->code, new->code) != 0)
            source_fault(after->source, after->source->item[i], "id %u is %s in version %u; a number is given once",
                         new->id, old->code, before->definition->version);
    }
}

static const struct definition_file *earlier_period(const struct loader *l, size_t definition, size_t period)
{
    const struct definition_file *f = &l->definition[definition];
    for (size_t i = 0; i <= definition; i++) {
        const struct definition_file *g = &l->definition[i];
        if (!same_text(g->definition->index, f->definition->index))
            continue;
        for (size_t k = 0; k < (i == definition ? period : g->period_count); k++)
            if (!strcmp(g->period[k], f->period[period]))
                return g;
    }
    return NULL;
}

static void check_periods(struct loader *l, size_t definition)
{
    struct definition_file *f = &l->definition[definition];
    for (size_t i = 0; i < f->period_count; i++) {
        const struct definition_file *other = earlier_period(l, definition, i);
        if (other)
            source_fault(f->source, sequence_item(f->source, f->periods, i),
                         "period %s is bound to version %u already (%s)", f->period[i], other->definition->version,
                         other->source->file);
    }
}

static void check_definitions(struct loader *l)
{
    for (size_t i = 0; i < l->definition_count; i++) {
        struct definition_file *after = &l->definition[i], *before = i ? after - 1 : NULL;
        if (before && same_text(before->definition->index, after->definition->index)) {
            if (before->definition->version == after->definition->version)
                source_fault(after->source, version_key(after->source), "index %s version %u stands in %s, too",
                             after->definition->index, after->definition->version, before->source->file);
            else
                check_node_numbers(before, after);
        }
        check_periods(l, i);
    }
}

void load_check_set(struct loader *l)
{
    if (l->registry_count)
        qsort(l->registry, l->registry_count, sizeof *l->registry, compare_registry);
    if (l->definition_count)
        qsort(l->definition, l->definition_count, sizeof *l->definition, compare_definition);
    check_registries(l);
    check_definitions(l);
}
