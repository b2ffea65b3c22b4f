/* A small catalog for tests: one registry, one index of `tops` indicators of 10 points each, whose sum is the score. */
#pragma once
#include "catalog/catalog.h"

/* Units 1 .. units with codes u1, u2, …; index "little", no period. */
struct catalog *little_catalog_new(unsigned units, unsigned tops);
/* Opens the next series. */
void little_catalog_open(struct catalog *c, const char *period);
