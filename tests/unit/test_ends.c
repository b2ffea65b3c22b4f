#include "base/ends.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define SECOND 1000000ll

static struct ends e;

Test(ends, nobody_has_ended_at_first) { cr_assert_eq(ends_lately(&e, "scorer-1", 5 * SECOND), 0); }

Test(ends, each_name_has_its_own_count)
{
    for (int i = 1; i <= 7; i++)
        ends_add(&e, i % 3 ? "scorer-2" : "scorer-1", i * SECOND);
    cr_assert_eq(ends_lately(&e, "scorer-1", 8 * SECOND), 2);
    cr_assert_eq(ends_lately(&e, "scorer-2", 8 * SECOND), 5);
    cr_assert_eq(ends_lately(&e, "scorer-22", 8 * SECOND), 0);
}

Test(ends, after_a_minute_an_end_counts_no_more)
{
    ends_add(&e, "scorer-1", 10 * SECOND);
    ends_add(&e, "scorer-1", 40 * SECOND);
    cr_assert_eq(ends_lately(&e, "scorer-1", 70 * SECOND), 2);
    cr_assert_eq(ends_lately(&e, "scorer-1", 70 * SECOND + 1), 1);
    cr_assert_eq(ends_lately(&e, "scorer-1", 100 * SECOND + 1), 0);
}

Test(ends, the_newest_are_kept)
{
    for (int i = 0; i < ENDS_KEPT; i++)
        ends_add(&e, "early", i);
    for (int i = 0; i < 10; i++)
        ends_add(&e, "late", ENDS_KEPT);
    cr_assert_eq(ends_lately(&e, "early", ENDS_KEPT), ENDS_KEPT - 10);
    cr_assert_eq(ends_lately(&e, "late", ENDS_KEPT), 10);
}
