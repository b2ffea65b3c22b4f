/* base/rate.h, base/lately.h. */
#include "base/lately.h"
#include "base/rate.h"
#include <criterion/criterion.h>

enum { SECOND = RATE_SECOND_US };

static int64_t take_all(struct rate *r, int64_t now_us, int64_t per_s)
{
    int64_t taken = 0;
    for (; !rate_wait_us(r, now_us, per_s); taken++)
        rate_take(r, now_us, per_s, 1);
    return taken;
}

Test(rate, a_second_s_worth_may_come_at_once_and_no_more)
{
    struct rate r = {0};
    cr_assert_eq(take_all(&r, 5 * SECOND, 100), 100);
    cr_assert_eq(take_all(&r, 5 * SECOND, 100), 0);
}

Test(rate, what_it_says_to_wait_is_enough_and_not_too_much)
{
    struct rate r = {0};
    take_all(&r, SECOND, 100);
    int64_t wait_us = rate_wait_us(&r, SECOND, 100);
    cr_assert_eq(wait_us, SECOND / 100);
    cr_assert_eq(take_all(&r, SECOND + wait_us - 1, 100), 0);
    cr_assert_eq(take_all(&r, SECOND + wait_us, 100), 1);
    cr_assert_eq(take_all(&r, 3 * SECOND, 100), 100, "after a quiet time all of it is there again");
}

Test(rate, what_is_larger_than_a_second_s_worth_is_taken_from_a_full_bucket_and_paid_for)
{
    struct rate r = {0};
    cr_assert_eq(rate_wait_us(&r, SECOND, 1000), 0);
    rate_take(&r, SECOND, 1000, 10000);
    cr_assert_eq(rate_wait_us(&r, SECOND, 1000), 9 * SECOND + SECOND / 1000);
    cr_assert_eq(rate_wait_us(&r, 11 * SECOND, 1000), 0);
}

Test(rate, one_a_second_is_one_at_once)
{
    struct rate r = {0};
    cr_assert_eq(take_all(&r, SECOND, 1), 1);
}

Test(rate, none_is_no_bound)
{
    struct rate r = {0};
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(rate_wait_us(&r, 0, 0), 0);
        rate_take(&r, 0, 0, 1 << 30);
    }
}

Test(rate, lately_is_ten_to_twenty_seconds)
{
    struct lately l = {0};
    cr_assert_eq(lately_of(&l, 7, 100 * SECOND), 0, "what was before it was asked is not known");
    cr_assert_eq(lately_of(&l, 9, 105 * SECOND), 2);
    cr_assert_eq(lately_of(&l, 9, 111 * SECOND), 2);
    cr_assert_eq(lately_of(&l, 9, 122 * SECOND), 0);
}
