/* How much a feeder has under way: submissions and bytes (rule D5), and its own memory. */
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

TestSuite(feeder_window, .fini = end);

Test(feeder_window, nothing_is_sent_beyond_the_window)
{
    w = calm(1);
    w->door.window = 5;
    w->door.commit_us = INT64_MAX;
    for (uint32_t id = 1; id <= 20; id++)
        cr_assert(eq(int, world_submit(w, id), OK));
    steps(w, 20);
    cr_assert(eq(sz, w->door.pending_count, 5));
    w->door.commit_us = 0;
    steps(w, 60);
    assert_each_once_in_order(w, 20);
}

static uint64_t envelope_bytes(uint32_t id)
{
    struct feeder_pack_plan plan;
    double value = id;
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1, s.seq = 1;
    s.index = "pci", s.period = "2013", s.unit = "Hà Nội";
    s.n_indicator = s.n_value = 1;
    s.indicator = &id, s.value = &value;
    return feeder_pack_plan(&plan, &s);
}

Test(feeder_window, no_more_bytes_are_sent_than_the_window_holds)
{
    static const struct {
        int64_t more;
        size_t sent;
    } cases[] = {{-1, 2}, {0, 3}, {1, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        w = calm(1);
        w->door.window_bytes = 3 * envelope_bytes(1) + (uint64_t)cases[i].more;
        w->door.commit_us = INT64_MAX;
        for (uint32_t id = 1; id <= 20; id++)
            cr_assert(eq(int, world_submit(w, id), OK));
        steps(w, 20);
        cr_assert(eq(sz, w->door.pending_count, cases[i].sent));
        w->door.commit_us = 0;
        steps(w, 200);
        assert_each_once_in_order(w, 20);
        end();
    }
}

Test(feeder_window, one_submission_is_always_under_way)
{
    w = calm(1);
    w->door.window_bytes = 1;
    w->door.refuse_id = 2;
    for (uint32_t id = 1; id <= 5; id++)
        world_submit(w, id);
    steps(w, 200);
    cr_assert(world_all_settled(w));
    cr_assert(eq(sz, w->door.journal_count, 4));
}

Test(feeder_window, an_ingestor_that_says_nothing_of_bytes_sets_no_bound)
{
    w = calm(1);
    w->door.window_bytes = 1;
    steps(w, 5);
    w->door.window_bytes = 0; /* an older one takes its place */
    world_door_crash(w);
    w->door.commit_us = INT64_MAX;
    for (uint32_t id = 1; id <= 20; id++)
        world_submit(w, id);
    steps(w, 30);
    cr_assert(eq(sz, w->door.pending_count, 20));
}

Test(feeder_window, a_full_ring_is_busy_and_opens_with_receipts)
{
    w = calm(1);
    uint32_t id = 1;
    while (world_submit(w, id) == OK)
        id++;
    cr_assert(eq(u32, id, 65));
    steps(w, 30);
    cr_assert(eq(int, world_submit(w, id), OK));
}
