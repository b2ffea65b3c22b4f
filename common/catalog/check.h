/* What every registry and definition must satisfy, whoever made it. The loader asks for all faults and turns each place
 * into a line of the file; catalog_apply asks for the first. Rules
 * that concern several registries or definitions at once are checked by the caller. */
#pragma once
#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/fault.h"

void check_registry(const struct check *c, const Parbus__Registry *r);
void check_definition(const struct check *c, const Parbus__Definition *d);

/* ERR_INVALID with the first fault, naming the registry or index. */
enum err check_registry_first(const Parbus__Registry *r, struct err_text *e);
enum err check_definition_first(const Parbus__Definition *d, struct err_text *e);
