/* A catalog's directory read for a command: what is wrong in it is told with file and line on standard error. */
#pragma once
#include "catalog/load.h"
#include "services/parbus/command.h"

/* NULL: each fault has been told. The set is given back with catalog_set_destroy. */
struct catalog_set *catalog_directory_load(const struct command *c, const char *directory);
