/* How the catalog keeps what it was told; private to this module. */
#pragma once
#include "auth/access.h"
#include "catalog/catalog.h"
#include "catalog/pool.h"

struct registry_entry {
    struct registry registry;
    uint64_t content;
};
struct definition_entry {
    struct definition definition;
    uint64_t content;
};

struct catalog {
    struct pool pool;
    struct access *access;
    uint64_t control_seq;
    size_t registry_count, definition_count, series_count, set_aside_count;
    struct registry_entry **registry;
    struct definition_entry **definition; /* ascending index, then version */
    struct series **series;               /* by number - 1 */
    struct set_aside **set_aside;         /* ascending partition, then pseq */
    size_t slot_count;                    /* a power of two */
    struct series_slot *slot;
};

/* What is written into the entry follows from the message alone, which has been checked (check.h); published is set. */
struct registry_entry *build_registry(struct pool *pool, const Parbus__Registry *from, uint64_t published);
struct definition_entry *build_definition(struct pool *pool, const Parbus__Definition *from,
                                          const struct registry *registry, uint64_t published);

/* set_aside.c, called by catalog_apply. */
enum err apply_set_aside(struct catalog *c, const Parbus__Control *control, struct err_text *e);
enum err apply_readmitted(struct catalog *c, const Parbus__Control *control, struct err_text *e);

/* Each into its place. What must hold of it has been checked; a series has the next number. */
void catalog_add_registry(struct catalog *c, struct registry_entry *entry);
void catalog_add_definition(struct catalog *c, struct definition_entry *entry);
void catalog_add_series(struct catalog *c, struct series *s);

/* Makes room for one more pointer. */
void *pointers_grown(void *array, size_t count);

/* The names of a registry, hashed; in the pool. */
struct registry_lookup *lookup_build(struct pool *pool, const struct registry *r);

enum lookup_level { LOOKUP_CODE, LOOKUP_EXACT, LOOKUP_CASE, LOOKUP_MARKS, LOOKUP_LEVELS };
struct lookup_slot {
    const char *key;               /* NULL: free */
    const struct lookup_fit *more; /* further units with the same key */
    uint64_t signature;
    uint32_t unit, hash;
    uint16_t bytes;
    uint8_t level;
};
struct lookup_fit {
    uint32_t unit;
    const struct lookup_fit *next;
};
struct registry_lookup {
    size_t slot_count, used; /* slot_count is a power of two */
    struct lookup_slot *slot;
};
/* The slot of the best level at which the text fits; NULL: none. */
const struct lookup_slot *lookup_find(const struct registry_lookup *l, const char *text);
