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
    const Parbus__Refusal *r = last_refusal();
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
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_SEQUENCE_GAP && r->seq == 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 1);
    submit(1);
    submit(2);
    submit(3);
    tick(2);
    cr_assert_eq(receipt(), 3);
}

/* Submissions to come would make the journal as long as state believes it to be. */
Test(ingestor_door, a_state_ahead_of_the_journal_is_refused_before_the_door_opens)
{
    struct err_text e = {""};
    cr_assert_eq(ingestor_restore_partition(t.core, 3, 7, (struct ingestor_followed){.applied = 7}, &e), OK);
    cr_assert_eq(ingestor_restore_partition(t.core, 4, 7, (struct ingestor_followed){.applied = 8}, &e), ERR_CORRUPT,
                 "an exit status that holds it");
    cr_assert(strstr(e.text, "the journal had no more than 7 of partition 4, state has applied 8"), "%s", e.text);
    cr_assert(strstr(e.text, "put the newest journal back"), "%s", e.text);
    cr_assert_not(strstr(e.text, "delete"), "state may be the last copy: %s", e.text);
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
    ingestor_receive(t.core, INGESTOR_DOOR, (struct peer){FEEDER, "owner"}, &bad, t.now);
    submit(2);
    tick(2);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->seq == 1 && r->retry_after_ms == 0 && strcmp(r->detail, "submission.unit: missing") == 0);
    cr_assert_eq(receipt(), 2);
    tick(25);
    const Parbus__Scored *scored = (const Parbus__Scored *)last_to_feeder(PARBUS__TO_FEEDER__BODY_SCORED);
    cr_assert(scored && scored->scored == 1, "refused for good counts as scored");
}

static const Parbus__Verdict *verdict_of_nine(void)
{
    Parbus__Status ask = PARBUS__STATUS__INIT;
    ask.has_from_seq = ask.has_to_seq = 1;
    ask.from_seq = 1;
    ask.to_seq = 9;
    FROM_FEEDER(STATUS, ask);
    return (const Parbus__Verdict *)last_to_feeder(PARBUS__TO_FEEDER__BODY_VERDICT);
}

Test(ingestor_door, status_names_the_rejects)
{
    hello(1);
    const Parbus__Verdict *v = verdict_of_nine();
    cr_assert(v && v->n_reject == 1 && v->reject[0]->row == 2);
    cr_assert(v->has_epoch && v->epoch == 1);
}

Test(ingestor_door, rejects_that_state_has_damaged_are_named_counted_and_told)
{
    hello(1);
    t.rejects_damaged = 3;
    const Parbus__Verdict *v = verdict_of_nine();
    cr_assert(v && v->n_reject == 4 && v->reject[3]->reason && v->reject[3]->row == 2, "the others are there");
    cr_assert(v->reject[0]->reason == PARBUS__REASON__REASON_NONE && v->reject[0]->row == 0);
    cr_assert(strstr(v->reject[0]->detail, "state is damaged here"), "%s", v->reject[0]->detail);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_rejects_damaged], 3);
    cr_assert(strstr(t.told, "state.reject_damaged seq=1 why=\"its checksum is wrong\""), "%s", t.told);
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
