#include "services/ingestor/numbers.h"
#include <string.h>

void numbers_add(struct numbers *n, uint32_t number) { buffer_append(&n->bytes, &number, sizeof number); }

size_t numbers_count(const struct numbers *n) { return n->bytes.size / sizeof(uint32_t); }

uint32_t numbers_at(const struct numbers *n, size_t i)
{
    uint32_t number;
    memcpy(&number, n->bytes.data + i * sizeof number, sizeof number);
    return number;
}
