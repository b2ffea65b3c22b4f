/* Goes wrong on purpose: tests/lib/test_sanitized.sh shows with it that a run with such a fault is not green. */
#include "base/err.h"
#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>

Test(sanitize, clean) { cr_assert(1); }

Test(sanitize, leak)
{
    volatile char *lost = malloc(64);
    lost[0] = 1;
    lost = NULL;
    cr_assert_null((void *)lost); /* NOLINT(clang-analyzer-unix.Malloc): on purpose */
}

Test(sanitize, overflow)
{
    volatile int most = INT_MAX;
    most = most + 1;
}

Test(sanitize, invariant)
{
    volatile int one = 1;
    ASSERT(one == 2);
}
