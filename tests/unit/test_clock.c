#include "base/clock.h"
#include "base/deadline.h"
#include <criterion/criterion.h>

Test(clock, runs_forwards)
{
    int64_t before = clock_mono_us();
    cr_assert_geq(clock_mono_us(), before);
    cr_assert_gt(clock_wall_ms(), 1700000000000);
}

Test(clock, what_comes_first_is_waited_for)
{
    cr_assert_eq(earlier_us(3, 7), 3);
    cr_assert_eq(earlier_us(7, 3), 3);
    cr_assert_eq(earlier_us(INT64_MAX, -5), -5);
    cr_assert_eq(us_until(100, 60), 40);
    cr_assert_eq(us_until(100, 100), 0);
    cr_assert_eq(us_until(60, 100), 0, "it has passed");
}
