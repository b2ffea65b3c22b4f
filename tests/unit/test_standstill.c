#include "services/ingestor/standstill.h"
#include <criterion/criterion.h>

#define MS 1000ll

static const int64_t patience_us = 10000 * MS;
static struct standstill s;
static int64_t now = 500000 * MS;

/* Looks every 50 ms, as the ingestor does; returns for how many ms it has stood still in the end. */
static int64_t look_for(int64_t ms, struct standstill_view v)
{
    for (int64_t end = now + ms * MS; now < end; now += 50 * MS)
        standstill_look(&s, v, now);
    return standstill_us(&s, patience_us, now) / MS;
}

static const struct standstill_view idle = {.applied = 7, .last = 7}, waits = {.applied = 7, .last = 9},
                                    hindered = {.applied = 7, .last = 9, .chance = STANDSTILL_HINDERED},
                                    queued = {.applied = 7, .last = 9, .chance = STANDSTILL_QUEUED};

static void start(void) { look_for(1000, idle); }
TestSuite(standstill, .init = start);

Test(standstill, what_waits_and_is_not_applied_stands_still_beyond_patience)
{
    cr_assert_eq(look_for(9900, waits), 0);
    int64_t ms = look_for(2000, waits);
    cr_assert(ms >= 11900 && ms <= 12000, "%lld: since something waits", (long long)ms);
}

Test(standstill, it_moves_when_anything_is_applied)
{
    cr_assert_gt(look_for(60000, waits), 0);
    struct standstill_view v = waits;
    v.applied = 8;
    cr_assert_eq(look_for(50, v), 0);
    cr_assert_eq(look_for(9000, v), 0, "it begins anew");
    cr_assert_gt(look_for(2000, v), 0);
}

Test(standstill, who_has_nothing_to_do_does_not_stand_still)
{
    cr_assert_eq(look_for(3600000, idle), 0);
    cr_assert_eq(look_for(9000, waits), 0, "it counts from the first that waits");
}

Test(standstill, a_catch_up_however_long_is_not_one)
{
    struct standstill_view v = {.applied = 7, .last = 5000000};
    for (int i = 0; i < 600; i++, v.applied++)
        cr_assert_eq(look_for(1000, v), 0);
}

Test(standstill, what_is_hindered_does_not_and_then_has_all_its_time)
{
    cr_assert_eq(look_for(60000, hindered), 0);
    cr_assert_eq(look_for(9900, waits), 0);
    cr_assert_gt(look_for(500, waits), 0);
    cr_assert_eq(look_for(50, hindered), 0);
}

Test(standstill, the_time_in_which_others_have_their_turn_does_not_count)
{
    cr_assert_eq(look_for(60000, queued), 0);
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(look_for(1000, waits), 0);
        cr_assert_eq(look_for(5000, queued), 0);
    }
    cr_assert_gt(look_for(2000, waits), 0, "it had its turn often enough");
    cr_assert_gt(look_for(5000, queued), 0);
}

/* State was taken over from further back. */
Test(standstill, a_position_that_goes_back_is_a_move)
{
    look_for(9000, waits);
    cr_assert_eq(look_for(9000, (struct standstill_view){.applied = 3, .last = 9}), 0);
}

Test(standstill, nobody_knows_what_was_while_nobody_looked)
{
    look_for(1000, waits);
    now += 30000 * MS;
    standstill_forgive(&s, now);
    cr_assert_eq(look_for(9900, waits), 0);
}

Test(standstill, patience_follows_the_settings)
{
    struct settings settings;
    settings_defaults(&settings);
    cr_assert_eq(standstill_patience_us(&settings), 10200 * MS);
    settings.worker_lease_ms = 60000;
    cr_assert_gt(standstill_patience_us(&settings), 60000 * MS, "who hangs is found first");
    settings.worker_lease_ms = 50;
    settings.commit_interval_ms = 10000;
    cr_assert_gt(standstill_patience_us(&settings), 20000 * MS, "one that commits seldom moves seldom");
}
