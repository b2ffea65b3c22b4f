/* One feeder, one line: receipts that are others', names in use, damaged submissions, and the way out (rules D16 to
 * D19). */
#include "feeder_world.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct world *w; /* of the test */

static void end(void)
{
    if (w)
        world_free(w);
    w = NULL;
}

TestSuite(feeder_line, .fini = end);

static struct parbus_feeder_totals totals(void) { return feeder_core_totals(w->core); }

Test(feeder_line, a_receipt_for_what_another_one_submitted_is_none)
{
    w = calm(1);
    world_submit(w, 1);
    steps(w, 30);
    cr_assert(eq(u64, totals().receipted, 1));
    w->door.digest ^= 1; /* somebody else's submission 2 is in the journal, and ours comes too late */
    w->door.receipted_digest = w->door.digest;
    world_submit(w, 2);
    steps(w, 40);
    cr_assert(eq(u64, w->renumbered, 2), "what has its own receipt is not sent again");
    cr_assert(eq(u64, totals().epoch, 2));
    cr_assert(eq(u64, totals().receipted, totals().last_seq));
    cr_assert(eq(u64, w->door.journal[w->door.journal_count - 1], 2));
}

Test(feeder_line, a_welcome_that_counts_what_another_one_submitted_begins_a_new_epoch)
{
    w = calm(1);
    w->door.receipted = w->door.last = 2;
    w->door.digest = w->door.receipted_digest = 4711;
    for (uint32_t id = 1; id <= 3; id++)
        world_submit(w, id);
    steps(w, 40);
    cr_assert(eq(u64, totals().epoch, 2));
    assert_each_once_in_order(w, 3);
}

static void stored_world(uint32_t submissions)
{
    w = world_new(1);
    w->quiet = w->stored = true;
    world_start_feeder(w, 1);
    for (uint32_t id = 1; id <= submissions; id++)
        world_submit(w, id);
    world_sync_store(w);
}

Test(feeder_line, what_the_store_holds_is_compared_as_well)
{
    stored_world(300); /* the ring holds 64 */
    for (int i = 0; i < 300 && !world_all_settled(w); i++) {
        steps(w, 10);
        world_sync_store(w);
    }
    cr_assert(world_all_settled(w));
    w->store_settled = w->store_digest = 0; /* its receipts were not written down */
    feeder_core_destroy(&w->core);
    world_start_feeder(w, 1);
    w->receipt = 0;
    steps(w, 30);
    cr_assert(world_all_settled(w));
    cr_assert(eq(u64, w->renumbered, 0));
    assert_each_once_in_order(w, 300);
}

Test(feeder_line, a_name_in_use_is_waited_for)
{
    w = calm(1);
    w->door.in_use = true;
    world_submit(w, 1);
    steps(w, 200);
    cr_assert(totals().in_use && !totals().connected);
    cr_assert(eq(u64, w->troubles, 1), "told once");
    w->door.in_use = false;
    w->door.epoch = 4; /* whoever had it was in epoch 4 */
    steps(w, 100);
    cr_assert(not(totals().in_use));
    cr_assert(eq(u64, totals().epoch, 5));
    assert_each_once_in_order(w, 1);
}

Test(feeder_line, who_loses_its_name_waits_and_goes_on_in_a_new_epoch)
{
    w = calm(1);
    world_submit(w, 1);
    steps(w, 30);
    w->door.in_use = true;
    w->door.hello = false;
    world_submit(w, 2);
    steps(w, 60);
    cr_assert(totals().in_use);
    w->door.in_use = false;
    w->door.epoch = 2;
    w->door.receipted = w->door.last = w->door.digest = w->door.receipted_digest = 0;
    steps(w, 100);
    cr_assert(eq(int, feeder_core_failure(w->core, NULL), OK));
    assert_each_once_in_order(w, 2);
}

Test(feeder_line, a_person_takes_the_name_over)
{
    w = world_new(1);
    w->quiet = w->take_over = w->door.in_use = true;
    world_start_feeder(w, 1);
    world_submit(w, 1);
    steps(w, 30);
    assert_each_once_in_order(w, 1);
    w->door.in_use = true; /* it was told once, and for this time alone */
    w->door.hello = false;
    world_submit(w, 2);
    steps(w, 60);
    cr_assert(totals().in_use);
}

Test(feeder_line, bye_is_said_when_everything_has_its_receipt_and_until_it_is_answered)
{
    w = calm(1);
    world_submit(w, 1);
    feeder_core_bye(w->core);
    cr_assert(not(feeder_core_may_go(w->core)));
    w->door.commit_us = INT64_MAX;
    steps(w, 20);
    cr_assert(eq(u32, w->door.byes, 0));
    w->door.commit_us = 0;
    steps(w, 5);
    w->net.loss_percent = 100;
    steps(w, 20);
    w->net.loss_percent = 0;
    steps(w, 60);
    cr_assert(feeder_core_is_gone(w->core));
    cr_assert(gt(u32, w->door.byes, 0));
    assert_each_once_in_order(w, 1);
}

/* ---- what is lost in the store (D19) ---- */

static void refill_but(uint64_t lost)
{
    for (uint64_t seq; (seq = feeder_core_wants(w->core));) {
        if (seq == lost && totals().epoch == 1)
            feeder_core_lost(w->core, "a bit has flipped");
        else if (!feeder_core_put(w->core, w->store[seq].data, w->store[seq].size))
            break;
    }
}

static void steps_but(uint64_t lost, int count)
{
    while (count--) {
        refill_but(lost);
        world_step(w);
    }
}

Test(feeder_line, what_is_lost_is_told_and_all_others_go_on)
{
    stored_world(10);
    feeder_core_destroy(&w->core);
    world_start_feeder(w, 1);
    steps_but(4, 200);
    cr_assert(world_all_settled(w));
    cr_assert(eq(u64, w->refused, 4));
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(sz, w->door.journal_count, 9));
    for (size_t i = 0; i < 9; i++)
        cr_assert(eq(u64, w->door.journal[i], i < 3 ? i + 1 : i + 2));
}

Test(feeder_line, what_is_lost_and_has_its_receipt_is_of_no_interest)
{
    stored_world(10);
    steps(w, 60);
    cr_assert(world_all_settled(w));
    w->store_settled = w->store_digest = w->receipt = 0;
    feeder_core_destroy(&w->core);
    world_start_feeder(w, 1);
    steps_but(4, 60);
    cr_assert(world_all_settled(w));
    cr_assert(eq(u64, w->refusals, 0));
    assert_each_once_in_order(w, 10);
}
