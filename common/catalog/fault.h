/* How what is wrong in a registry or a definition is told: where it stands, and a sentence for whoever wrote it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum check_scope { CHECK_TOP, CHECK_UNIT, CHECK_NODE };

struct check {
    /* position: of the unit or node; key: what the catalog file calls the value, NULL: the thing as a whole. */
    void (*fault)(void *ctx, enum check_scope scope, size_t position, const char *key, const char *text);
    void *ctx;
};

void check_fault(const struct check *c, enum check_scope scope, size_t position, const char *key, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));

/* Micro-points as a decimal without needless zeros: "68.5". */
enum { CHECK_MICRO_BYTES = 32 };
const char *check_micro(int64_t micro, char out[static CHECK_MICRO_BYTES]);
