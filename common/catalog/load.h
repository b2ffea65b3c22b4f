/* Reads the YAML files of catalog/ (catalog/README.md has the format) and checks them. Every fault is reported with
 * file and line, and reading goes on, so that one run shows them all. libyaml's document interface is used because it
 * keeps the position of each value. */
#pragma once
#include "catalog/catalog.h"
#include <stddef.h>

struct pool;

struct catalog_set {
    size_t registry_count, definition_count;
    Parbus__Registry **registry;     /* by code, then version */
    Parbus__Definition **definition; /* by index, then version */
    /* periods of definition i, in file order */
    size_t *period_count;
    char ***period;
    struct pool *memory; /* private: holds everything above */
};

/* fault(ctx, "catalog/pci.yaml", 14, "maxima of the children add up to 98, not to 100") for each fault;
 * the texts are valid during that call. Returns NULL when there was any fault, else a set to be given back with
 * catalog_set_destroy. */
struct catalog_set *catalog_load(const char *directory,
                                 void (*fault)(void *ctx, const char *file, int line, const char *text), void *ctx);
void catalog_set_destroy(struct catalog_set **set);

/* Emits, in the order in which they must be applied, the control records that bring `published` up to the set:
 * registries, definitions, periods. control_seq and received_ms are left out, series numbers continue from
 * catalog_series_count. The record is valid only inside emit. ERR_INVALID, and nothing is emitted: a version was
 * published with another content, a greater version is published already, or a period is open under another version. */
enum err catalog_set_missing(const struct catalog_set *set, const struct catalog *published,
                             void (*emit)(void *ctx, Parbus__Control *control), void *ctx, struct err_text *e);
