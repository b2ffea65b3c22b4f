/* A growing list of uint32. */
#pragma once
#include "base/buffer.h"

struct numbers {
    struct buffer bytes;
};
void numbers_add(struct numbers *n, uint32_t number);
size_t numbers_count(const struct numbers *n);
uint32_t numbers_at(const struct numbers *n, size_t i);
