#include "worker/membership.h"
#include <criterion/criterion.h>

enum { SECOND_US = 1000000, BEAT_US = 250000 };

static struct membership fresh(void)
{
    struct membership m;
    membership_init(&m, 0, BEAT_US);
    return m;
}

Test(membership, says_hello_at_once_and_again_each_second_until_it_is_welcome)
{
    struct membership m = fresh();
    cr_assert_eq(membership_tick(&m, 0), MEMBERSHIP_HELLO);
    cr_assert_eq(membership_tick(&m, SECOND_US - 1), MEMBERSHIP_NOTHING);
    cr_assert_eq(membership_deadline_us(&m), SECOND_US);
    cr_assert_eq(membership_tick(&m, SECOND_US), MEMBERSHIP_HELLO);
    membership_welcome(&m, 7, SECOND_US);
    cr_assert_eq(membership_tick(&m, SECOND_US), MEMBERSHIP_HEARTBEAT);
    cr_assert_eq(membership_tick(&m, 9 * SECOND_US), MEMBERSHIP_HEARTBEAT);
}

Test(membership, beats_once_per_interval_and_not_before_it_is_welcome)
{
    struct membership m = fresh();
    cr_assert_eq(membership_tick(&m, 0), MEMBERSHIP_HELLO);
    cr_assert_eq(membership_tick(&m, BEAT_US), MEMBERSHIP_NOTHING);
    membership_welcome(&m, 7, BEAT_US);
    cr_assert_eq(membership_tick(&m, BEAT_US), MEMBERSHIP_HEARTBEAT);
    cr_assert_eq(membership_tick(&m, 2 * BEAT_US - 1), MEMBERSHIP_NOTHING);
    cr_assert_eq(membership_tick(&m, 2 * BEAT_US), MEMBERSHIP_HEARTBEAT);
}

Test(membership, notices_another_term)
{
    struct membership m = fresh();
    cr_assert(membership_welcome(&m, 7, 0));
    cr_assert_not(membership_welcome(&m, 7, 1));
    cr_assert(membership_welcome(&m, 8, 2));
}

Test(membership, an_unknown_worker_says_hello_at_once_but_not_more_than_ten_times_a_second)
{
    struct membership m = fresh();
    cr_assert_eq(membership_tick(&m, 0), MEMBERSHIP_HELLO);
    membership_welcome(&m, 7, 10);
    membership_unknown(&m, 20);
    cr_assert_eq(membership_tick(&m, 20), MEMBERSHIP_NOTHING);
    cr_assert_eq(membership_deadline_us(&m), SECOND_US / 10);
    cr_assert_eq(membership_tick(&m, SECOND_US / 10), MEMBERSHIP_HELLO);
    membership_unknown(&m, SECOND_US / 10 + 1);
    cr_assert_eq(membership_tick(&m, SECOND_US / 10 + 2), MEMBERSHIP_NOTHING);
    membership_welcome(&m, 7, SECOND_US);
    membership_unknown(&m, 9 * SECOND_US);
    cr_assert_eq(membership_tick(&m, 9 * SECOND_US), MEMBERSHIP_HELLO);
}
