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

static const Parbus__Refusal *last_refusal(void)
{
    return (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
}

Test(ingestor_door, a_failed_commit_gives_no_receipt_and_is_written_later_by_itself)
{
    hello(1);
    submit(1);
    tick(2);
    t.disk_full = true;
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 1);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STORAGE && r->seq == 3 && r->retry_after_ms > 0,
              "what was taken stays; the next one has to wait");
    submit(3);
    tick(2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 2, "told again: it is the one expected");
    cr_assert_eq(last_refusal()->seq, 3);
    t.disk_full = false;
    tick(300);
    cr_assert_eq(receipt(), 2);
    submit(3);
    tick(2);
    cr_assert_eq(receipt(), 3);
    cr_assert_eq(t.journal_count, 3);
}

Test(ingestor_door, a_failed_commit_that_is_there_all_the_same_is_there_once)
{
    hello(1);
    t.disk_lies = true;
    submit(1);
    tick(2);
    cr_assert_eq(receipt(), 0, "nobody knows");
    t.disk_lies = false;
    tick(300);
    cr_assert_eq(receipt(), 1);
    cr_assert_eq(t.journal_count, 1);
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_door, the_same_group_is_tried_again_now_and_then_and_logged_once)
{
    hello(1);
    t.disk_full = true;
    submit(1);
    tick(2);
    for (int ms = 0; ms < 2000; ms += 10)
        tick(10);
    cr_assert(t.appends >= 6 && t.appends <= 10, "%zu", t.appends);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_journal_commit_failures], t.appends);
    const char *first = strstr(t.told, "journal.commit_failed");
    cr_assert(first && !strstr(first + 1, "journal.commit_failed"), "%s", t.told);
    t.disk_full = false;
    tick(300);
    cr_assert_eq(receipt(), 1);
    cr_assert(strstr(t.told, "journal.writable"), "%s", t.told);
}

/* ---- somebody else writes the journal ---- */

Test(ingestor_door, a_fenced_writer_takes_nothing_gives_no_receipt_and_says_why_it_ends)
{
    hello(1);
    t.fenced = true;
    submit(1);
    cr_assert_null(ingestor_fenced(t.core));
    tick(2);
    cr_assert_str_eq(ingestor_fenced(t.core), "somebody else writes this journal");
    size_t appends = t.appends;
    t.fenced = false;
    submit(2);
    tick(5000);
    cr_assert_eq(receipt(), 0);
    cr_assert_eq(t.appends, appends, "for good");
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
    cr_assert(strstr(t.told, "journal.lost"), "%s", t.told);
}

/* ---- the disk takes its time ---- */

Test(ingestor_door, what_comes_while_the_disk_syncs_is_the_next_group)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    submit(2);
    submit(3);
    tick(2);
    cr_assert_eq(t.appends, 1, "one at a time");
    cr_assert_eq(receipt(), 0);
    answer_append();
    cr_assert_eq(receipt(), 1);
    tick(0);
    cr_assert_eq(t.appends, 2);
    answer_append();
    cr_assert_eq(receipt(), 3);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 2);
}

Test(ingestor_door, an_answer_to_another_question_is_none)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    ingestor_appended(t.core, t.ticket + 1, OK, "", t.now);
    ingestor_appended(t.core, t.ticket - 1, OK, "", t.now);
    cr_assert_eq(receipt(), 0);
    uint64_t ticket = t.ticket;
    answer_append();
    cr_assert_eq(receipt(), 1);
    submit(2);
    ingestor_appended(t.core, ticket, OK, "", t.now);
    cr_assert_eq(receipt(), 1, "answered already");
}

Test(ingestor_door, a_group_goes_at_once_when_nothing_more_waits_and_is_gathered_for_a_while_when_something_does)
{
    hello(1);
    submit(1);
    cr_assert_leq(ingestor_tick(t.core, t.now), t.now.mono_us + t.settings.group_wait_us);
    cr_assert_eq(t.appends, 0, "more may wait at the door");
    t.now.mono_us += t.settings.group_wait_us;
    ingestor_tick(t.core, t.now);
    cr_assert_eq(t.appends, 1);
    answer_append();
    submit(2);
    ingestor_drained(t.core);
    ingestor_tick(t.core, t.now);
    cr_assert_eq(t.appends, 2);
}

Test(ingestor_door, a_silent_disk_is_told_and_nothing_is_taken_until_it_answers)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    submit(2);
    tick(900);
    cr_assert_str_eq(ingestor_trouble(t.core), "");
    tick(200);
    cr_assert(strstr(ingestor_trouble(t.core), "silent"), "%s", ingestor_trouble(t.core));
    submit(3);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
    cr_assert_eq(last_refusal()->seq, 3);
    t.disk_silent = false;
    answer_append();
    tick(1);
    cr_assert_str_eq(ingestor_trouble(t.core), "");
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_door, a_full_group_keeps_the_door_waiting_only_while_the_journal_is_at_another_one)
{
    t.settings.group_bytes_max = 4096;
    t.settings.feeder_window_bytes = 1 << 20;
    ingestor_world_restart();
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    uint64_t seq = 2;
    for (; ingestor_takes(t.core) && seq < 1000; seq++)
        submit(seq);
    cr_assert_lt(seq, 1000);
    submit(seq); /* all the same */
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
    cr_assert_eq(last_refusal()->seq, seq);
    t.disk_silent = false;
    answer_append();
    ingestor_tick(t.core, t.now);
    cr_assert(ingestor_takes(t.core));
    answer_append();
    cr_assert_eq(receipt(), seq - 1);
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

/* A path is part of the reason: it may be long, and of any bytes. An answer that is not UTF-8 would not be read. */
Test(ingestor_door, the_reason_is_a_text_wherever_it_is_cut)
{
    uint64_t seq = 0;
    for (size_t bytes = 248; bytes < 256; bytes++) {
        char why[300];
        snprintf(why, sizeof why, "%0*d/Hà Nội/Đà Nẵng/\xff", (int)bytes - 2, 0);
        t.disk_full = true;
        t.disk_says = why;
        hello(1);
        submit(++seq);
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
    cr_assert_str_eq(trouble(), "", "nobody has submitted anything");
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
    struct wire_message bad = {.kind = PARBUS__TO_INGESTOR__BODY_SUBMISSION,
                               .message = &s.base,
                               .err = ERR_INVALID,
                               .why = "submission.unit: missing"};
    ingestor_receive(t.core, INGESTOR_DOOR, (struct peer){FEEDER, ""}, &bad, t.now);
    submit(2);
    tick(2);
    const Parbus__Refusal *r = (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    cr_assert(r && r->seq == 1 && r->retry_after_ms == 0 && strcmp(r->detail, "submission.unit: missing") == 0);
    cr_assert_eq(receipt(), 2);
    tick(25);
    const Parbus__Scored *scored = (const Parbus__Scored *)last_to_feeder(PARBUS__TO_FEEDER__BODY_SCORED);
    cr_assert(scored && scored->scored == 1, "refused for good counts as scored");
}

Test(ingestor_door, a_full_group_is_committed_without_waiting_and_keeps_the_door_shut_until_then)
{
    hello(1);
    uint64_t seq = 1;
    for (; ingestor_takes(t.core) && seq < 20000; seq++)
        submit(seq);
    cr_assert_gt(seq, 1000);
    cr_assert_null(last_refusal());
    ingestor_tick(t.core, t.now);
    cr_assert(ingestor_takes(t.core));
    answer_append();
    cr_assert_eq(receipt(), seq - 1);
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
    for (m.seq = 1; m.seq <= 40; m.seq++) {
        if (!ingestor_takes(t.core))
            tick(2);
        FROM_FEEDER(SUBMISSION, m);
        if (last_refusal())
            break;
    }
    tick(2);
    cr_assert_gt(receipt(), 6);
    for (size_t i = 0; i < t.journal_count; i++)
        cr_assert_lt(t.journal[i].bytes, WIRE_MESSAGE_BYTES_MAX - 65536);
}

/* 980 rows with a note of 1000 bytes each. */
static void submit_huge(uint64_t seq)
{
    enum { ROWS = 980 };
    static uint32_t indicator[ROWS];
    static double value[ROWS];
    static Parbus__Evidence evidence[ROWS], *pointer[ROWS];
    char note[1001];
    memset(note, 'n', 1000);
    note[1000] = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        evidence[i] = (Parbus__Evidence)PARBUS__EVIDENCE__INIT;
        evidence[i].has_row = 1;
        evidence[i].row = i;
        evidence[i].note = note;
        pointer[i] = &evidence[i];
    }
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    m.has_seq = m.has_stage = 1;
    m.seq = seq;
    m.index = "qd766", m.period = "2025", m.unit = "H05";
    m.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    m.n_indicator = m.n_value = m.n_evidence = ROWS;
    m.indicator = indicator, m.value = value, m.evidence = pointer;
    FROM_FEEDER(SUBMISSION, m);
}

Test(ingestor_door, two_that_fit_a_group_and_no_message_are_two_records_of_it)
{
    one_of_each();
    hello(1);
    submit_huge(1);
    submit_huge(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
    cr_assert_eq(t.appends, 1);
    cr_assert_eq(t.journal_count, 2);
    cr_assert_eq(t.journal[0].partition, t.journal[1].partition);
    cr_assert(t.journal[0].first_pseq == 1 && t.journal[1].first_pseq == 2);
    size_t count;
    cr_assert_eq(last_work(&count)->first_pseq, 2);
    cr_assert_eq(count, 2);
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
