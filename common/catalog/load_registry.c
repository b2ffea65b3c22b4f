#include "catalog/check.h"
#include "catalog/loader.h"
#include <stdlib.h>

static void unit_id(struct source *s, yaml_node_t *v, void *u)
{
    ((Parbus__Unit *)u)->has_id = read_u32(s, v, &((Parbus__Unit *)u)->id);
}
static void unit_code(struct source *s, yaml_node_t *v, void *u) { read_text(s, v, &((Parbus__Unit *)u)->code); }
static void unit_name(struct source *s, yaml_node_t *v, void *u) { read_text(s, v, &((Parbus__Unit *)u)->name); }

static void unit_aliases(struct source *s, yaml_node_t *v, void *object)
{
    Parbus__Unit *u = object;
    size_t count = sequence_count(s, v);
    u->alias = pool_array(s->reader->pool, count, sizeof *u->alias);
    for (size_t i = 0; i < count; i++)
        if (read_text(s, sequence_item(s, v, i), &u->alias[u->n_alias]))
            u->n_alias++;
}

static const struct field unit_fields[] = {
    {"id", true, unit_id},
    {"code", true, unit_code},
    {"name", true, unit_name},
    {"aliases", false, unit_aliases},
};

static void registry_code(struct source *s, yaml_node_t *v, void *r)
{
    read_text(s, v, &((Parbus__Registry *)r)->code);
}
static void registry_version(struct source *s, yaml_node_t *v, void *r)
{
    ((Parbus__Registry *)r)->has_version = read_u32(s, v, &((Parbus__Registry *)r)->version);
}
static void registry_title(struct source *s, yaml_node_t *v, void *r)
{
    read_text(s, v, &((Parbus__Registry *)r)->title);
}
static void registry_source(struct source *s, yaml_node_t *v, void *r)
{
    read_text(s, v, &((Parbus__Registry *)r)->source);
}

static void registry_units(struct source *s, yaml_node_t *v, void *object)
{
    Parbus__Registry *r = object;
    size_t count = sequence_count(s, v);
    r->unit = pool_array(s->reader->pool, count, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = sequence_item(s, v, i);
        Parbus__Unit *u = pool_alloc(s->reader->pool, sizeof *u);
        parbus__unit__init(u);
        if (!read_mapping(s, item, unit_fields, sizeof unit_fields / sizeof *unit_fields, u))
            continue;
        source_add_item(s, item);
        r->unit[r->n_unit++] = u;
    }
}

static const struct field registry_fields[] = {
    {"registry", true, registry_code}, {"version", true, registry_version}, {"title", true, registry_title},
    {"source", true, registry_source}, {"units", true, registry_units},
};

void load_registry(struct loader *l, struct source *s)
{
    Parbus__Registry *r = pool_alloc(l->reader.pool, sizeof *r);
    parbus__registry__init(r);
    read_mapping(s, s->root, registry_fields, sizeof registry_fields / sizeof *registry_fields, r);
    check_registry(&(struct check){load_check_fault, s}, r);
    l->registry = realloc(l->registry, (l->registry_count + 1) * sizeof *l->registry);
    ASSERT(l->registry);
    l->registry[l->registry_count++] = (struct registry_file){s, r};
}
