/* The feeder's core in the world of feeder_world.h: exactly once whatever happens, and rule by rule. */
#include "feeder_world.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

enum { SUBMISSIONS = 400 };

static struct world *w;

/* A feeder that is connected, on a network without faults; with another epoch or faults: start_again. */
static void setup(void) { w = calm(1); }
static void teardown(void) { world_free(w); }
TestSuite(feeder_core, .init = setup, .fini = teardown);

static void start_again(struct world *other)
{
    teardown();
    w = other;
}

/* Submits 1 .. count as there is room, with faults while doing so, then runs until all have a receipt. */
static void run(uint32_t count, uint32_t crash_permille, uint32_t feeder_crash_permille)
{
    uint32_t id = 1;
    for (int step = 0; step < 400000 && (id <= count || !world_all_settled(w)); step++) {
        for (uint32_t n = world_draw(8); n && id <= count && world_submit(w, id) == OK; n--)
            id++;
        if (w->stored)
            world_sync_store(w);
        world_step(w);
        if (world_draw(1000) < crash_permille)
            world_door_crash(w);
        if (world_draw(1000) < feeder_crash_permille) {
            feeder_core_destroy(&w->core);
            world_start_feeder(w, 0);
        }
    }
    cr_assert(world_all_settled(w), "submissions wait for ever");
}

/* ---- the seeds ---- */

Test(feeder_core, each_submission_is_journalled_once_and_in_order_whatever_the_network_does)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        start_again(world_new(seed));
        w->net.loss_percent = world_draw(30), w->net.repeat_percent = world_draw(30),
        w->net.delay_steps_max = world_draw(20);
        w->door.window_bytes = world_draw(2) ? 1 + world_draw(400) : 0;
        world_start_feeder(w, 5);
        run(SUBMISSIONS, world_draw(2) ? 3 : 0, 0);
        assert_each_once_in_order(w, SUBMISSIONS);
        cr_assert(eq(u64, w->renumbered, 0));
        cr_assert(eq(u64, feeder_core_totals(w->core).number, 7));
    }
}

Test(feeder_core, a_feeder_with_a_store_goes_on_after_its_own_death)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        start_again(world_new(seed));
        w->stored = true;
        w->net.loss_percent = world_draw(30), w->net.repeat_percent = world_draw(30),
        w->net.delay_steps_max = world_draw(20);
        w->door.window_bytes = world_draw(2) ? 1 + world_draw(400) : 0;
        world_start_feeder(w, 0);
        run(SUBMISSIONS, 2, 5);
        assert_each_once_in_order(w, SUBMISSIONS);
        cr_assert(eq(u64, w->store_epoch, 1));
    }
}

Test(feeder_core, an_ingestor_that_echoes_nothing_is_understood_on_a_connection_that_keeps_order)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        start_again(world_new(seed));
        w->door.echo = false;
        w->net.loss_percent = world_draw(20);
        world_start_feeder(w, 5);
        run(SUBMISSIONS, 3, 0);
        assert_each_once_in_order(w, SUBMISSIONS);
    }
}

/* ---- rule by rule, on a network without faults ---- */

Test(feeder_core, a_stale_epoch_is_followed_by_the_next_one)
{
    start_again(calm(3));
    w->door.epoch = 41;
    w->door.receipted = w->door.last = 9;
    for (uint32_t id = 1; id <= 3; id++)
        world_submit(w, id);
    steps(w, 40);
    cr_assert(eq(u64, feeder_core_totals(w->core).epoch, 42));
    assert_each_once_in_order(w, 3);
}

Test(feeder_core, a_clock_that_is_more_than_five_minutes_off_is_told_once_and_nothing_waits_for_it)
{
    const struct {
        int64_t here_ms, there_ms;
        uint64_t troubles;
    } rows[] = {{1760000000000, 1760000300000, 0},
                {1760000300000, 1760000000000, 0},
                {1760000000000, 1760000300001, 1},
                {1760000300001, 1760000000000, 1},
                {1760000000000, 0, 0},
                {1760000000000, INT64_MAX, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start_again(calm(9));
        w->wall_ms = rows[i].here_ms;
        w->door.clock_ms = rows[i].there_ms;
        world_submit(w, 1);
        steps(w, 100);
        w->door.hello = false; /* it has restarted */
        world_submit(w, 2);
        steps(w, 2000);
        cr_assert(w->troubles == rows[i].troubles, "row %zu: %lu", i, w->troubles);
        assert_each_once_in_order(w, 2);
    }
}

/* One of the two clocks is wrong; when it is right again, all goes on. */
Test(feeder_core, an_epoch_ahead_is_told_and_waited_out)
{
    start_again(calm(9));
    w->door.epoch_max = 8;
    world_submit(w, 1);
    steps(w, 100);
    cr_assert(eq(u64, w->troubles, 1));
    cr_assert(eq(int, feeder_core_failure(w->core, NULL), OK));
    cr_assert(eq(sz, w->door.journal_count, 0));
    w->door.epoch_max = 0;
    steps(w, 2000);
    assert_each_once_in_order(w, 1);
    cr_assert(eq(u64, feeder_core_totals(w->core).epoch, 9));
}

Test(feeder_core, an_epoch_ahead_of_a_hello_that_is_over_is_ignored)
{
    start_again(calm(9));
    world_refuse(w, 0, PARBUS__REASON__REFUSED_EPOCH_AHEAD, "epoch 11 is of another time", 60000);
    world_submit(w, 1);
    steps(w, 20);
    world_refuse(w, 0, PARBUS__REASON__REFUSED_EPOCH_AHEAD, "epoch 9 is of another time", 60000);
    world_submit(w, 2);
    steps(w, 20);
    cr_assert(eq(u64, w->troubles, 0));
    assert_each_once_in_order(w, 2);
}

/* So that two lives without memory never use the same one, whatever the clock says. */
Test(feeder_core, epochs_of_a_life_differ_by_multiples_of_its_step)
{
    static const struct {
        uint64_t own, known, next;
    } cases[] = {{0x4507, 0x9903, 0x9907}, {0x4502, 0x9903, 0x9a02}, {0x4503, 0x9903, 0x9a03}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_again(world_new(1));
        w->quiet = true;
        w->epoch_step = 0x100;
        w->door.epoch = cases[i].known;
        world_start_feeder(w, cases[i].own);
        world_submit(w, 1);
        steps(w, 40);
        cr_assert(eq(u64, feeder_core_totals(w->core).epoch, cases[i].next));
        assert_each_once_in_order(w, 1);
    }
}

Test(feeder_core, there_is_no_epoch_after_the_last)
{
    start_again(world_new(1));
    w->quiet = true;
    w->epoch_step = 0x100;
    w->door.epoch = UINT64_MAX - 3;
    world_start_feeder(w, 7);
    world_submit(w, 1);
    steps(w, 40);
    cr_assert(eq(int, feeder_core_failure(w->core, NULL), ERR_PEER));
}

Test(feeder_core, a_feeder_that_lost_its_memory_takes_a_new_epoch)
{
    w->door.receipted = w->door.last = 9;
    world_submit(w, 1);
    steps(w, 40);
    cr_assert(eq(u64, feeder_core_totals(w->core).epoch, 2));
    cr_assert(eq(u64, w->renumbered, 1));
    assert_each_once_in_order(w, 1);
}

Test(feeder_core, a_journal_that_lost_receipts_gets_what_is_left_in_a_new_epoch)
{
    start_again(world_new(1));
    w->quiet = w->stored = true;
    w->door.window = 37; /* so that the ring wraps at other seqs than the receipts end at */
    world_start_feeder(w, 0);
    for (uint32_t id = 1; id <= 300; id++)
        world_submit(w, id);
    world_sync_store(w);
    for (int i = 0; i < 40 && w->receipt < 150; i++) {
        world_sync_store(w);
        world_step(w);
    }
    uint64_t receipted = w->receipt;
    w->door = (struct door){.window = 48, .echo = true, .epoch = 1}; /* another journal */
    for (int i = 0; i < 5000; i++) {
        world_sync_store(w);
        world_step(w);
    }
    cr_assert(world_all_settled(w));
    cr_assert(eq(u64, w->renumbered, receipted + 1));
    cr_assert(eq(u64, w->store_epoch, 2));
    cr_assert(eq(sz, w->door.journal_count, 300 - receipted));
    for (size_t i = 0; i < w->door.journal_count; i++)
        cr_assert(eq(u64, w->door.journal[i], receipted + 1 + i));
}

Test(feeder_core, sharing_a_name_stops_the_feeder)
{
    world_submit(w, 1);
    steps(w, 30);
    w->door.epoch = 2; /* somebody else said hello */
    w->door.hello = false;
    world_submit(w, 2);
    steps(w, 30);
    struct err_text e;
    cr_assert(eq(int, feeder_core_failure(w->core, &e), ERR_LOST));
    cr_assert(strstr(e.text, "another process") != NULL);
}

Test(feeder_core, a_refused_submission_is_told_once_and_the_rest_goes_on)
{
    w->door.refuse_id = 2;
    for (uint32_t id = 1; id <= 3; id++)
        world_submit(w, id);
    steps(w, 40);
    cr_assert(world_all_settled(w));
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(u64, w->refused, 2));
    cr_assert(eq(int, (int)w->refusal_reason, (int)PARBUS__REASON__REFUSED_MALFORMED));
    cr_assert(eq(sz, w->door.journal_count, 2));
}

Test(feeder_core, a_refusal_that_the_ingestor_forgot_is_repeated_in_silence)
{
    w->door.refuse_id = 2;
    w->door.commit_us = INT64_MAX;
    world_submit(w, 1);
    world_submit(w, 2);
    steps(w, 10);
    cr_assert(eq(u64, w->refusals, 1));
    world_door_crash(w); /* before the commit that would have counted it as used up */
    w->door.commit_us = 0;
    world_submit(w, 3);
    steps(w, 60);
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(sz, w->door.journal_count, 2));
    cr_assert(eq(u64, feeder_core_totals(w->core).receipted, 3));
}

Test(feeder_core, a_refusal_of_what_is_not_on_disk_yet_is_ignored)
{
    start_again(world_new(1));
    w->stored = true;
    world_start_feeder(w, 0);
    steps(w, 10);
    world_submit(w, 1);
    world_refuse(w, 1, PARBUS__REASON__REFUSED_MALFORMED, "nobody sent it", 0);
    steps(w, 10);
    cr_assert(eq(u64, w->refusals, 0));
    cr_assert(eq(u64, w->troubles, 1));
    world_sync_store(w);
    steps(w, 40);
    assert_each_once_in_order(w, 1);
}

Test(feeder_core, busy_is_waited_out)
{
    world_submit(w, 1);
    steps(w, 20);
    w->door.commit_us = INT64_MAX;
    world_submit(w, 2);
    steps(w, 4);
    world_door_crash(w);
    w->door.hello = true; /* door_not_committed: marks go back, the connection stays */
    world_refuse(w, 2, PARBUS__REASON__REFUSED_STORAGE, "disk full", 60000);
    steps(w, 300);
    cr_assert(eq(sz, w->door.pending_count, 0));
    cr_assert(eq(u64, w->troubles, 1));
    w->door.commit_us = 0;
    steps(w, 2000);
    assert_each_once_in_order(w, 2);
}

/* D20a */
Test(feeder_core, a_question_too_many_holds_no_submission_up)
{
    world_submit(w, 1);
    steps(w, 20);
    world_refuse(w, 0, PARBUS__REASON__REFUSED_BUSY, "", 60000);
    world_submit(w, 2);
    steps(w, 300);
    assert_each_once_in_order(w, 2);
    cr_assert(eq(u64, w->troubles, 0));
}

/* D9a */
Test(feeder_core, trouble_that_lasts_costs_a_submission_a_time_and_not_a_window)
{
    enum { OUTAGE_US = 60000000, WAIT_US_MAX = 4000000, TRIES = OUTAGE_US / WAIT_US_MAX };
    w->door.full = true;
    for (uint32_t id = 1; id <= 60; id++)
        world_submit(w, id);
    for (int64_t end_us = w->now_us + OUTAGE_US; w->now_us < end_us;)
        world_step(w);
    uint64_t came = w->door.came - w->door.window;
    cr_assert(ge(u64, came, TRIES), "after the first window");
    cr_assert(le(u64, came, TRIES + 8), "after the first window");
    w->door.full = false;
    w->door.came = 0;
    for (int64_t end_us = w->now_us + 2 * WAIT_US_MAX; !world_all_settled(w) && w->now_us < end_us;)
        world_step(w);
    assert_each_once_in_order(w, 60);
    cr_assert(eq(u64, w->door.came, 60));
}

/* D9a: it was refused, so no receipt will open the way before it. */
Test(feeder_core, one_that_is_refused_for_good_does_not_stand_in_the_way_of_the_next_try)
{
    w->door.full = true;
    for (uint32_t id = 1; id <= 3; id++)
        world_submit(w, id);
    steps(w, 200);
    w->door.full = false, w->door.refuse_id = 1, w->door.commit_us = INT64_MAX;
    steps(w, 2000);
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(sz, w->door.pending_count, 1), "the next one");
    w->door.commit_us = 0;
    steps(w, 2000);
    cr_assert(eq(sz, w->door.journal_count, 2));
    cr_assert(world_all_settled(w));
}

Test(feeder_core, an_answer_to_an_earlier_hello_or_epoch_is_ignored)
{
    start_again(calm(5));
    world_submit(w, 1);
    world_submit(w, 2);
    w->door.commit_us = INT64_MAX;
    steps(w, 10);
    Parbus__Receipt r = PARBUS__RECEIPT__INIT;
    r.has_up_to_seq = r.has_epoch = 1, r.up_to_seq = 2, r.epoch = 4;
    world_answer(w, PARBUS__TO_FEEDER__BODY_RECEIPT, &r.base);
    Parbus__Welcome welcome = PARBUS__WELCOME__INIT;
    welcome.has_next_seq = welcome.has_request = 1, welcome.next_seq = 3, welcome.request = 77;
    world_answer(w, PARBUS__TO_FEEDER__BODY_WELCOME, &welcome.base);
    steps(w, 10);
    cr_assert(eq(u64, feeder_core_totals(w->core).receipted, 0));
}

Test(feeder_core, a_verdict_of_an_earlier_epoch_is_ignored)
{
    start_again(calm(5));
    w->net.loss_percent = 100;
    feeder_core_status(w->core, 1, 1, 0);
    Parbus__Verdict v = PARBUS__VERDICT__INIT;
    v.has_scored = v.has_epoch = 1, v.scored = 9, v.epoch = 4;
    world_answer(w, PARBUS__TO_FEEDER__BODY_VERDICT, &v.base);
    w->net.loss_percent = 0;
    world_answer(w, PARBUS__TO_FEEDER__BODY_VERDICT, &v.base);
    steps(w, 1);
    cr_assert(eq(u64, feeder_core_totals(w->core).scored, 0));
    cr_assert(eq(u64, w->verdicts, 0));
    steps(w, 5000);
    cr_assert(eq(u64, w->verdicts, 1), "the question stays open");
}

Test(feeder_core, an_old_protocol_stops_the_feeder)
{
    steps(w, 3);
    world_refuse(w, 0, PARBUS__REASON__REFUSED_PROTOCOL_VERSION, "this ingestor speaks version 9", 0);
    steps(w, 3);
    cr_assert(eq(int, feeder_core_failure(w->core, NULL), ERR_VERSION));
    cr_assert(eq(i64, feeder_core_tick(w->core, world_now(w)), INT64_MAX));
}

Test(feeder_core, questions_are_asked_until_they_are_answered)
{
    feeder_core_describe(w->core, "pci", "");
    feeder_core_status(w->core, 1, 1, 0);
    w->net.loss_percent = 100;
    steps(w, 10);
    w->net.loss_percent = 0;
    steps(w, 5000);
    cr_assert(eq(u64, w->descriptions, 1));
    cr_assert(eq(u64, w->verdicts, 1));
}

Test(feeder_core, an_unknown_index_answers_the_question)
{
    feeder_core_describe(w->core, "pcy", "");
    steps(w, 2);
    w->net.count = 0;
    world_refuse(w, 0, PARBUS__REASON__REFUSED_INDEX_UNKNOWN, "pci", 0);
    steps(w, 4);
    cr_assert(eq(u64, w->refusals, 1));
    cr_assert(eq(u64, w->refused, 0));
}

Test(feeder_core, what_would_be_refused_is_not_taken)
{
    static char long_unit[300];
    memset(long_unit, 'x', sizeof long_unit - 1);
    uint32_t indicator[2] = {1, 2};
    double value[2] = {1, 2};
    Parbus__Submission good = PARBUS__SUBMISSION__INIT, s;
    good.index = "pci", good.period = "2013", good.unit = "01";
    good.n_indicator = good.n_value = 2, good.indicator = indicator, good.value = value;
    struct err_text e;
    s = good, s.unit = long_unit;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_TOO_LARGE));
    s = good, s.unit = "\xff";
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    s = good, s.index = NULL;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    s = good, s.n_value = 1;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    s = good, s.stage = 9, s.has_stage = 1;
    cr_assert(eq(int, feeder_core_submit(w->core, &s, &e), ERR_INVALID));
    cr_assert(eq(u64, feeder_core_totals(w->core).last_seq, 0));
    cr_assert(eq(int, feeder_core_submit(w->core, &good, &e), OK));
}

Test(feeder_core, rubbish_from_the_ingestor_is_trouble_and_no_more)
{
    for (uint64_t i = 0; i < 2000; i++) {
        uint8_t bytes[40];
        size_t n = world_draw(sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = k == 0 ? (uint8_t)(world_draw(8) << 3 | 2) : (uint8_t)world_draw(k == 1 ? 40 : 256);
        if (n > 1)
            bytes[1] = (uint8_t)(n - 2);
        world_receive(w, bytes, n);
    }
    cr_assert(feeder_core_totals(w->core).last_seq == 0);
}

static void say_scored(uint64_t scored, uint64_t accepted, uint64_t rejected)
{
    Parbus__Scored m = PARBUS__SCORED__INIT;
    m.has_scored = m.has_accepted_rows = m.has_rejected_rows = 1;
    m.scored = scored, m.accepted_rows = accepted, m.rejected_rows = rejected;
    world_answer(w, PARBUS__TO_FEEDER__BODY_SCORED, &m.base);
    for (int i = 0; i < 20; i++)
        world_step(w);
}

/* What was set aside and is sent again counts rows, and no submission (I13, I19). */
Test(feeder_core, totals_with_as_many_submissions_and_more_rows_are_newer)
{
    start_again(world_new(11));
    world_start_feeder(w, 1);
    run(3, 0, 0);
    say_scored(5, 4, 1);
    say_scored(5, 6, 1);
    say_scored(5, 4, 1); /* late */
    struct parbus_feeder_totals t = feeder_core_totals(w->core);
    cr_assert(eq(u64, t.scored, 5));
    cr_assert(eq(u64, t.accepted_rows, 6));
    cr_assert(eq(u64, t.rejected_rows, 1));
    say_scored(6, 2, 1);
    cr_assert(eq(u64, feeder_core_totals(w->core).accepted_rows, 2));
}
