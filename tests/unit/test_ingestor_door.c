/* The feeders' side of the ingestor's core: sequence numbers, receipts, refusals (rules D5-D11). */
#include "ingestor_world.h"
#include "wire/wire.h"
#include <string.h>

TestSuite(ingestor_door, .init = ingestor_world_start, .fini = ingestor_world_stop);

Test(ingestor_door, no_receipt_before_the_commit)
{
    hello(1);
    submit(1);
    submit(2);
    cr_assert_eq(receipt(), 0);
    tick(2);
    cr_assert_eq(receipt(), 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 1);
}

Test(ingestor_door, a_stranger_is_asked_to_say_hello)
{
    submit(1);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_NO_HELLO);
    tick(2);
    cr_assert_eq(t.journal_count, 0);
}

Test(ingestor_door, a_repeated_seq_gets_its_receipt_and_no_second_effect)
{
    hello(1);
    submit(1);
    tick(2);
    size_t records = t.journal_count;
    submit(1);
    tick(2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 2);
    cr_assert_eq(t.journal_count, records);
}

Test(ingestor_door, a_gap_is_told_once_and_closed_by_the_missing_one)
{
    hello(1);
    submit(2);
    submit(3);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_SEQUENCE_GAP && r->seq == 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 1);
    submit(1);
    submit(2);
    submit(3);
    tick(2);
    cr_assert_eq(receipt(), 3);
}

Test(ingestor_door, a_failed_commit_gives_no_receipt_and_is_taken_later)
{
    hello(1);
    submit(1);
    tick(2);
    t.disk_full = true;
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 1);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STORAGE && r->seq == 2 && r->retry_after_ms > 0);
    t.disk_full = false;
    submit(2); /* too early */
    tick(2);
    cr_assert_eq(receipt(), 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 2, "told again: it is the one expected");
    tick(1100);
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_door, a_failed_commit_that_is_there_all_the_same_asks_for_a_fresh_start)
{
    hello(1);
    t.disk_full = true;
    submit(1);
    tick(2);
    tick(1);
    cr_assert(!ingestor_outdated(t.core), "nothing of it is there");
    t.disk_full = false;
    t.disk_lies = t.disk_unreadable = true;
    tick(1100);
    submit(1);
    tick(2);
    tick(1);
    cr_assert(!ingestor_outdated(t.core), "nobody can say");
    t.disk_unreadable = false;
    tick(1);
    cr_assert(ingestor_outdated(t.core), "though nobody sends it again");
    cr_assert_eq(receipt(), 0);
}

Test(ingestor_door, a_group_that_does_not_follow_asks_for_a_fresh_start)
{
    hello(1);
    t.disk_lies = t.disk_unreadable = true;
    submit(1);
    tick(2);
    t.disk_lies = false;
    tick(1100);
    submit(1);
    tick(2);
    cr_assert(ingestor_outdated(t.core));
    cr_assert_eq(receipt(), 0);
}

/* Submissions to come would make the journal as long as state believes it to be. */
Test(ingestor_door, a_state_ahead_of_the_journal_is_refused_before_the_door_opens)
{
    struct err_text e = {""};
    cr_assert_eq(ingestor_restore_partition(t.core, 3, 7, 7, &e), OK);
    cr_assert_eq(ingestor_restore_partition(t.core, 4, 7, 8, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "delete state"), "%s", e.text);
}

static const char *trouble(void)
{
    Parbus__Stats question = PARBUS__STATS__INIT;
    FROM_FEEDER(STATS, question);
    const Parbus__StatsReply *reply = (const Parbus__StatsReply *)last_to_feeder(PARBUS__TO_FEEDER__BODY_STATS);
    cr_assert_eq(reply->accepting, reply->trouble[0] == 0);
    return reply->trouble;
}

Test(ingestor_door, after_a_failed_commit_it_tries_by_itself_until_it_can_write)
{
    hello(1);
    t.disk_full = true;
    submit(1);
    tick(2);
    cr_assert_neq(*trouble(), 0);
    for (int ms = 0; ms < 3000; ms += 50)
        tick(50);
    cr_assert(t.probes == 2 || t.probes == 3, "once in the time that feeders wait: %u", t.probes);
    cr_assert_str_eq(trouble(), "it cannot be written");
    t.disk_full = false;
    for (int ms = 0; ms < 1100; ms += 50)
        tick(50);
    cr_assert_str_eq(trouble(), "", "nobody has submitted anything");
    unsigned probes = t.probes;
    submit(1);
    tick(200);
    cr_assert_eq(receipt(), 1);
    cr_assert_eq(t.probes, probes, "all is well: nothing to try");
}

/* A path is part of the reason: it may be long, and of any bytes. An answer that is not UTF-8 would not be read. */
Test(ingestor_door, the_reason_is_a_text_wherever_it_is_cut)
{
    for (size_t bytes = 248; bytes < 256; bytes++) {
        char why[300];
        snprintf(why, sizeof why, "%0*d/Hà Nội/Đà Nẵng/\xff", (int)bytes - 2, 0);
        t.disk_full = true;
        t.disk_says = why;
        hello(1);
        submit(1);
        tick(2);
        const char *said = trouble();
        cr_assert_geq(strlen(said), 250);
        cr_assert(wire_utf8_ok(said, strlen(said)), "%s", said);
        t.disk_full = false;
        tick(2000);
        tick(2000);
    }
}

Test(ingestor_door, it_refuses_before_the_room_is_used_up)
{
    hello(1);
    submit(1);
    tick(2);
    t.room_left = false;
    tick(200);
    tick(0);
    cr_assert_str_eq(trouble(), "hardly any room");
    submit(2);
    tick(2);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STORAGE && r->seq == 2 && r->retry_after_ms > 0);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_journal_commit_failures], 0);
    t.room_left = true;
    for (int ms = 0; ms < 1300; ms += 50)
        tick(50);
    cr_assert_str_eq(trouble(), "");
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_door, a_submission_that_breaks_a_rule_is_used_up)
{
    hello(1);
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1;
    s.seq = 1;
    struct wire_message bad = {.kind = PARBUS__TO_INGESTOR__BODY_SUBMISSION, .message = &s.base};
    ingestor_from_feeder_bad(t.core, FEEDER, ERR_INVALID, &bad, "submission.unit: missing");
    submit(2);
    tick(2);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->seq == 1 && r->retry_after_ms == 0 && strcmp(r->detail, "submission.unit: missing") == 0);
    cr_assert_eq(receipt(), 2);
    tick(25);
    const Parbus__Scored *scored = (const Parbus__Scored *)last_to_feeder(PARBUS__TO_FEEDER__BODY_SCORED);
    cr_assert(scored && scored->scored == 1, "refused for good counts as scored");
}

Test(ingestor_door, a_full_group_is_committed_without_waiting)
{
    hello(1);
    for (uint64_t seq = 1; !ingestor_group_full(t.core); seq++)
        submit(seq);
    ingestor_drained(t.core, t.now);
    cr_assert_gt(receipt(), 1000);
}

Test(ingestor_door, more_than_the_window_waits_for_receipts)
{
    t.settings.feeder_window = 3;
    ingestor_world_restart();
    hello(1);
    for (uint64_t seq = 1; seq <= 5; seq++)
        submit(seq);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_WINDOW && r->seq == 4 && r->retry_after_ms > 0);
    tick(2);
    submit(4);
    submit(5);
    tick(2);
    cr_assert_eq(receipt(), 5);
}

/* The unit stands in the submission as written: the longer, the larger. */
static void submit_large(uint64_t seq)
{
    char unit[201];
    memset(unit, 'x', 200);
    unit[200] = 0;
    submit_to(seq, unit);
}

Test(ingestor_door, more_bytes_than_the_window_wait_for_receipts)
{
    t.settings.feeder_window_bytes = 600;
    ingestor_world_restart();
    hello(1);
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert(w->has_window_bytes && w->window_bytes == 600);
    for (uint64_t seq = 1; seq <= 4; seq++)
        submit_large(seq);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_WINDOW && r->seq == 3 && r->retry_after_ms > 0);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 1, "told once");
    tick(2);
    cr_assert_eq(receipt(), 2);
    submit_large(3);
    submit_large(4);
    tick(2);
    cr_assert_eq(receipt(), 4, "the receipt has opened the window");
}

Test(ingestor_door, a_failed_commit_opens_the_window_of_bytes)
{
    t.settings.feeder_window_bytes = 600;
    ingestor_world_restart();
    hello(1);
    t.disk_full = true;
    submit_large(1);
    submit_large(2);
    tick(2);
    t.disk_full = false;
    tick(1100);
    submit_large(1);
    submit_large(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_door, one_submission_may_be_larger_than_the_window)
{
    t.settings.feeder_window_bytes = 100;
    ingestor_world_restart();
    hello(1);
    submit_large(1);
    submit_large(2);
    tick(2);
    cr_assert_eq(receipt(), 1);
    submit_large(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_door, a_group_never_outgrows_a_message_to_a_worker)
{
    one_of_each();
    hello(1);
    static uint32_t indicator[WIRE_ROWS_MAX];
    static double value[WIRE_ROWS_MAX];
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    m.has_seq = m.has_stage = 1;
    m.index = "qd766", m.period = "2025", m.unit = "H05";
    m.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    m.n_indicator = m.n_value = WIRE_ROWS_MAX;
    m.indicator = indicator, m.value = value;
    for (m.seq = 1; m.seq <= 40; m.seq++)
        FROM_FEEDER(SUBMISSION, m);
    tick(2);
    cr_assert_eq(receipt(), 40);
    for (size_t i = 0; i < t.journal_count; i++)
        cr_assert_lt(t.journal[i].bytes, WIRE_MESSAGE_BYTES_MAX - 65536);
}

Test(ingestor_door, status_names_the_rejects)
{
    hello(1);
    Parbus__Status ask = PARBUS__STATUS__INIT;
    ask.has_from_seq = ask.has_to_seq = 1;
    ask.from_seq = 1;
    ask.to_seq = 9;
    FROM_FEEDER(STATUS, ask);
    const Parbus__Verdict *v = (const Parbus__Verdict *)last_to_feeder(PARBUS__TO_FEEDER__BODY_VERDICT);
    cr_assert(v && v->n_reject == 1 && v->reject[0]->row == 2);
    cr_assert(v->has_epoch && v->epoch == 1);
}

Test(ingestor_door, each_submission_that_is_not_taken_is_counted)
{
    hello(1);
    submit(1);
    submit(1);
    submit(5);
    submit(6);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_submissions_repeated], 1);
    cr_assert_eq(ingestor_metrics(t.core)->reason[PARBUS__REASON__REFUSED_SEQUENCE_GAP], 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 1, "one refusal per gap");
}
