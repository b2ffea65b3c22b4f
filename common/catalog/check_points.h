/* The part of check.h that looks at points: maxima, weights and scales of a node and its children. */
#pragma once
#include "catalog.pb-c.h"
#include "catalog/fault.h"

void check_points(const struct check *c, const Parbus__Definition *d, size_t position);
