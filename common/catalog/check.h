/* What every registry and definition must satisfy, whoever made it. The loader asks for all faults and turns each place
 * into a line of the file; catalog_apply asks for the first. Rules that need more than one of them are the caller's. */
#pragma once
#include "base/err.h"
#include "catalog.pb-c.h"
#include <stdbool.h>
#include <stddef.h>

enum check_scope { CHECK_TOP, CHECK_UNIT, CHECK_NODE };

struct check {
    /* position: of the unit or node; key: what the catalog file calls the value, NULL: the thing as a whole. */
    void (*fault)(void *ctx, enum check_scope scope, size_t position, const char *key, const char *text);
    void *ctx;
};

void check_registry(const struct check *c, const Parbus__Registry *r);
void check_definition(const struct check *c, const Parbus__Definition *d);

/* ERR_INVALID with the first fault, naming the registry or index. */
enum err check_registry_first(const Parbus__Registry *r, struct err_text *e);
enum err check_definition_first(const Parbus__Definition *d, struct err_text *e);

/* ---- for the parts of this check ---- */

void check_fault(const struct check *c, enum check_scope scope, size_t position, const char *key, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));
/* check_rule.c */
void check_rule(const struct check *c, const Parbus__Definition *d, size_t position);
/* check_points.c */
void check_points(const struct check *c, const Parbus__Definition *d, size_t position);

/* Micro-points as a decimal without needless zeros: "68.5". */
enum { CHECK_MICRO_BYTES = 32 };
const char *check_micro(int64_t micro, char out[static CHECK_MICRO_BYTES]);
