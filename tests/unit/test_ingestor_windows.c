/* How much may wait for a receipt, and how much goes into one group and one message (rules D5, I8). */
#include "ingestor_world.h"
#include <string.h>

TestSuite(ingestor_windows, .init = ingestor_world_start, .fini = ingestor_world_stop);

Test(ingestor_windows, a_full_group_is_committed_without_waiting_and_keeps_the_door_shut_until_then)
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

Test(ingestor_windows, more_than_the_window_waits_for_receipts)
{
    t.settings.feeder_window = 3;
    ingestor_world_restart();
    hello(1);
    for (uint64_t seq = 1; seq <= 5; seq++)
        submit(seq);
    const Parbus__Refusal *r = last_refusal();
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

Test(ingestor_windows, more_bytes_than_the_window_wait_for_receipts)
{
    t.settings.feeder_window_bytes = 600;
    ingestor_world_restart();
    hello(1);
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert(w->has_window_bytes && w->window_bytes == 600);
    for (uint64_t seq = 1; seq <= 4; seq++)
        submit_large(seq);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_WINDOW && r->seq == 3 && r->retry_after_ms > 0);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 1, "told once");
    tick(2);
    cr_assert_eq(receipt(), 2);
    submit_large(3);
    submit_large(4);
    tick(2);
    cr_assert_eq(receipt(), 4, "the receipt has opened the window");
}

Test(ingestor_windows, one_submission_may_be_larger_than_the_window)
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

/* Of the submission that was journalled last. */
static size_t bytes_journalled(void)
{
    struct record_reader r;
    struct record_entry entry;
    const uint8_t *body;
    const struct stored *last = &t.journal[t.journal_count - 1];
    cr_assert_eq(record_open(&r, last->record, last->bytes, NULL), OK);
    cr_assert(record_next(&r, &entry, &body));
    return entry.body_bytes;
}

Test(ingestor_windows, a_submission_has_at_most_so_many_bytes)
{
    hello(1);
    submit_large(1);
    tick(2);
    cr_assert_eq(receipt(), 1);
    int64_t bytes = (int64_t)bytes_journalled();
    for (uint64_t epoch = 2, more = 2; more-- > 0; epoch++) {
        t.settings.submission_bytes_max = bytes + (int64_t)more;
        ingestor_world_restore();
        hello(epoch);
        size_t journalled = t.journal_count;
        submit_large(1);
        tick(2);
        cr_assert_eq(t.journal_count, journalled + 1, "%d bytes fit %d", (int)bytes, (int)(bytes + (int64_t)more));
    }
    t.settings.submission_bytes_max = bytes - 1;
    ingestor_world_restore();
    hello(4);
    size_t journalled = t.journal_count;
    submit_large(1);
    tick(2);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_TOO_LARGE && r->seq == 1);
    cr_assert_eq(t.journal_count, journalled);
}

Test(ingestor_windows, a_group_never_outgrows_a_message_to_a_worker)
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

Test(ingestor_windows, two_that_fit_a_group_and_no_message_are_two_records_of_it)
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
