/* The part of check.h that looks at the rule of a leaf. */
#pragma once
#include "catalog.pb-c.h"
#include "catalog/fault.h"

void check_rule(const struct check *c, const Parbus__Definition *d, size_t position);
