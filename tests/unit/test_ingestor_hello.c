/* Who the feeders are: names, epochs, places (rules D2, D3, D14). */
#include "ingestor_world.h"
#include <stdio.h>

TestSuite(ingestor_hello, .init = ingestor_world_start, .fini = ingestor_world_stop);

Test(ingestor_hello, a_name_that_is_none_is_refused)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.line = 77;
    m.protocol_version = 1;
    m.feeder = "../../etc";
    m.epoch = 1;
    FROM_FEEDER(HELLO, m);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_NAME);
}

Test(ingestor_hello, an_older_epoch_is_refused_and_a_newer_one_starts_at_1)
{
    hello(5);
    submit(1);
    tick(2);
    hello(4);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STALE_EPOCH && strcmp(r->detail, "epoch 5 is known") == 0);
    hello(6);
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert_eq(w->next_seq, 1);
    submit(1);
    tick(2);
    cr_assert_eq(t.journal_count, 2);
}

/* ---- epochs that no feeder comes to ---- */

enum { DAY_MS = 86400000, STEP = 1 << 20 };

static uint64_t epoch_of(int64_t ms_ahead) { return (uint64_t)(t.now.wall_ms + ms_ahead) * STEP; }

static void assert_ahead(size_t refusals)
{
    const Parbus__Refusal *r = last_refusal();
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), refusals);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_EPOCH_AHEAD && r->seq == 0 && r->retry_after_ms > 0);
}

Test(ingestor_hello, an_epoch_too_far_ahead_of_the_clock_is_refused)
{
    hello(UINT64_MAX);
    assert_ahead(1);
    const Parbus__Refusal *r = last_refusal();
    cr_assert_str_eq(r->detail, "epoch 18446744073709551615 is of 17592186044415 ms after 1970, the clock here says "
                                "1760000000000 ms");
    hello(epoch_of(DAY_MS + 1));
    assert_ahead(2);
    submit(1);
    r = last_refusal();
    cr_assert_eq(r->reason, PARBUS__REASON__REFUSED_NO_HELLO, "D2: nothing has changed");
    hello(1);
    submit(1);
    tick(2);
    cr_assert_eq(receipt(), 1, "the name is as good as before");
    hello(epoch_of(DAY_MS) + STEP - 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 2);
}

Test(ingestor_hello, a_connection_goes_on_after_an_epoch_ahead)
{
    hello(3);
    hello(UINT64_MAX);
    assert_ahead(1);
    submit(1);
    tick(2);
    cr_assert_eq(receipt(), 1);
    const Parbus__Receipt *r = (const Parbus__Receipt *)last_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT);
    cr_assert_eq(r->epoch, 3);
}

/* When the clock here goes back by years, who was there before goes on, and who counts on from there may begin again.
 */
Test(ingestor_hello, what_follows_on_the_known_epoch_is_taken_whatever_the_clock_says)
{
    uint64_t known = epoch_of(0);
    hello(known);
    submit(1);
    tick(2);
    t.now.wall_ms = 1000;
    hello(known);
    hello(known + 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 3);
    hello(known + 1 + STEP);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 4);
    hello(known + 2 + 2 * STEP);
    assert_ahead(1);
}

/* ---- many names ---- */

static void hello_of(uint64_t peer, const char *name, uint64_t epoch)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.line = 77;
    m.protocol_version = 1;
    m.feeder = (char *)name;
    m.epoch = epoch;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_HELLO, &m.base);
}

static void hello_as(uint64_t peer, const char *name) { hello_of(peer, name, 1); }

static void submit_as(uint64_t peer, uint64_t seq)
{
    uint32_t indicator[] = {1};
    double value[] = {1.5};
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    m.has_seq = m.has_stage = 1;
    m.seq = seq;
    m.index = "qd766", m.period = "2025", m.unit = "H05";
    m.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    m.n_indicator = m.n_value = 1;
    m.indicator = indicator;
    m.value = value;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &m.base);
}

static void flood(unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        char name[32];
        snprintf(name, sizeof name, "flood-%u", i);
        hello_as(10000 + i, name);
    }
}

static size_t refused_for(Parbus__Reason reason)
{
    size_t count = 0;
    for (size_t i = 0; i < t.feeder_count; i++)
        count += t.to_feeder[i].kind == PARBUS__TO_FEEDER__BODY_REFUSAL &&
                 ((const Parbus__Refusal *)t.to_feeder[i].message)->reason == reason;
    return count;
}

Test(ingestor_hello, names_that_only_say_hello_keep_nobody_out)
{
    t.settings.feeders_max = 3;
    ingestor_world_restart();
    flood(0, 1500);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS), 0);
    hello(1);
    submit(1);
    tick(2);
    cr_assert_eq(receipt(), 1);
    flood(1500, 1200); /* the journal knows it: it stays */
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_NO_HELLO), 0);
}

Test(ingestor_hello, the_oldest_name_that_never_submitted_is_forgotten_and_may_come_again)
{
    flood(0, 1025);
    submit_as(10000, 1);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_NO_HELLO), 1);
    submit_as(10001, 1);
    tick(2);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_NO_HELLO), 1, "the next one is still there");
    cr_assert_eq(receipt(), 1);
    flood(0, 1);
    submit_as(10000, 1);
    tick(2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 2);
}

Test(ingestor_hello, names_that_one_connection_makes_up_push_nobody_out)
{
    hello(1);
    for (unsigned i = 0; i < 1500; i++) {
        char name[32];
        snprintf(name, sizeof name, "flood-%u", i);
        hello_as(7, name);
    }
    submit(1);
    submit_as(7, 1);
    tick(2);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_NO_HELLO), 0);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 2);
}

Test(ingestor_hello, a_refused_hello_under_another_name_leaves_the_newcomer_as_it_was)
{
    hello_as(7, "first");
    hello_of(7, "second", 0);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_STALE_EPOCH), 1);
    submit_as(7, 1);
    tick(2);
    cr_assert_eq(receipt(), 1);
    hello_as(8, "first");
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert_eq(w->next_seq, 2);
}

Test(ingestor_hello, feeders_max_is_kept_also_by_those_who_said_hello_before)
{
    t.settings.feeders_max = 3;
    ingestor_world_restart();
    flood(0, 5);
    for (unsigned i = 0; i < 5; i++)
        submit_as(10000 + i, 1);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS), 2, "in one group");
    tick(2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 3);
    submit_as(10004, 1);
    hello_as(20000, "another");
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS), 4);
}

Test(ingestor_hello, who_waits_for_the_disk_has_his_place_among_the_feeders)
{
    t.settings.feeders_max = 1;
    ingestor_world_restart();
    t.disk_full = true;
    flood(0, 1);
    submit_as(10000, 1);
    tick(2);
    hello(1);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS), 1);
    t.disk_full = false;
    tick(300);
    cr_assert_eq(receipt(), 1);
}

Test(ingestor_hello, a_name_in_a_group_is_not_forgotten_however_many_come)
{
    t.disk_silent = true;
    flood(0, 1);
    submit_as(10000, 1);
    tick(2);
    flood(1, 1);
    submit_as(10001, 1);
    flood(2, 2000);
    t.disk_silent = false;
    answer_append();
    tick(2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 2);
    cr_assert_eq(refused_for(PARBUS__REASON__REFUSED_NO_HELLO), 0);
}

/* ---- an epoch that begins while the one before is on its way into the journal ---- */

Test(ingestor_hello, a_new_epoch_gets_no_receipts_of_the_one_before)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    submit(2);
    tick(2);
    submit(3); /* gathered behind it */
    hello(2);
    submit(1);
    answer_append();
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 0);
    t.disk_silent = false;
    tick(2);
    const Parbus__Receipt *r = (const Parbus__Receipt *)last_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT);
    cr_assert(r && r->epoch == 2 && r->up_to_seq == 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 1);
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_hello, a_welcome_goes_on_after_the_last_receipt_and_what_is_under_way_is_taken_once)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    hello(1);
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert_eq(w->next_seq, 1);
    submit(1);
    submit(2);
    t.disk_silent = false;
    answer_append();
    tick(2);
    cr_assert_eq(receipt(), 2);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_submissions_repeated], 1);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_submissions_journalled], 2);
}
