#include "at.h"
#include "journal/record.h"
#include "page.h"
#include "services/validator/rejects.h"
#include "small_catalog.h"
#include "validator_world.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(validator_core, .init = validator_world_start, .fini = validator_world_stop);

Test(validator_core, passes_a_good_record_on_unchanged)
{
    struct draft d;
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &t.record, HA_NOI, 1, 1);
    work();
    const Parbus__Verdicts *v = verdicts();
    cr_assert_str_eq(t.endpoint, "ipc://scorer-1");
    cr_assert_eq(v->partition, 4);
    cr_assert_eq(v->owner_epoch, 9);
    cr_assert_eq(v->first_pseq, 100);
    cr_assert_eq(v->n_reject_entry, 0);
    cr_assert_eq(v->record.len, t.record.size);
    cr_assert_eq(memcmp(v->record.data, t.record.data, t.record.size), 0);
    cr_assert_eq(validator_metrics(t.core)->value[METRIC_rows_accepted], 1);
}

Test(validator_core, names_rejected_rows_by_entry_and_row)
{
    struct draft d;
    record_begin(&t.record, RECORD_DATA, RECEIVED_MS, 3);
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_add(&d, &t.record, 0, HA_NOI, 1, 1);
    draft_row(&d, A1, 11);
    draft_add(&d, &t.record, 0, HA_NOI, 1, 2);
    draft_add(&d, &t.record, 0, UNIT_NONE, 1, 3);
    work();
    const Parbus__Verdicts *v = verdicts();
    cr_assert_eq(v->n_reject_entry, 2);
    cr_assert_eq(v->reject_entry[0], 1);
    cr_assert_eq(v->reject_row[0], 1);
    cr_assert_str_eq(v->reject_detail[0], "value 11 is outside 0..10");
    cr_assert_eq(v->reject_entry[1], 2);
    cr_assert_eq(v->reject_row[1], WIRE_ROW_WHOLE);
    const struct metrics *m = validator_metrics(t.core);
    cr_assert_eq(m->value[METRIC_rows_accepted], 2);
    cr_assert_eq(m->value[METRIC_rows_rejected], 3);
    cr_assert_eq(m->reason[PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE], 1);
}

Test(validator_core, a_body_that_cannot_be_read_is_rejected_as_a_whole)
{
    struct record_entry entry = {.body_bytes = 3, .feeder = 1, .epoch = 1, .seq = 1, .series = 1, .unit = 1};
    record_begin(&t.record, RECORD_DATA, RECEIVED_MS, 3);
    record_add(&t.record, 0, &entry, "\x0a\xff\xff");
    work();
    const Parbus__Verdicts *v = verdicts();
    cr_assert_eq(v->n_reject_entry, 1);
    cr_assert_eq(v->reject_row[0], WIRE_ROW_WHOLE);
    cr_assert_eq(v->reject_reason[0], PARBUS__REASON__REJECTED_POISON);
}

Test(validator_core, a_damaged_record_is_dropped_and_told)
{
    struct draft d;
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &t.record, HA_NOI, 1, 1);
    for (size_t bytes = 0; bytes < t.record.size; bytes++) {
        size_t whole = t.record.size;
        t.record.size = bytes;
        work();
        t.record.size = whole;
    }
    cr_assert_eq(t.sent, 0);
    cr_assert_eq((size_t)t.troubles, t.record.size);
}

Test(validator_core, a_flipped_bit_anywhere_in_a_record_is_found)
{
    struct draft d;
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &t.record, HA_NOI, 1, 1);
    work();
    cr_assert_eq(t.sent, 1);
    for (size_t bit = 0; bit < 8 * t.record.size; bit++) {
        t.record.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        work_as_it_is(0);
        t.record.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_assert_eq(t.sent, 1);
    cr_assert_eq((size_t)t.troubles, 8 * t.record.size);
}

Test(validator_core, a_control_record_passes_through)
{
    record_begin(&t.record, RECORD_CONTROL, RECEIVED_MS, 3);
    work();
    cr_assert_eq(t.sent, 1);
    cr_assert_eq(verdicts()->n_reject_entry, 0);
}

Test(validator_core, a_record_is_judged_only_once_its_controls_are_known)
{
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    struct page page;
    validator_hears(PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base, 0);
    record_begin(&t.record, RECORD_CONTROL, RECEIVED_MS, 4);
    work();
    cr_assert_eq(t.sent, 0);
    cr_assert_eq(validator_metrics(t.core)->value[METRIC_records_refused], 1);
    validator_tick(t.core, at(0));
    cr_assert_eq(t.asked, 1);
    page_set_aside(&page, 4, 1, 1);
    validator_hears(PARBUS__TO_WORKER__BODY_CONTROLS, &page.controls.base, 0);
    page_free(&page);
    work();
    cr_assert_eq(t.sent, 1);
}

Test(validator_core, a_control_that_cannot_be_applied_ends_it)
{
    struct err_text e;
    struct page page;
    cr_assert_eq(validator_over(t.core, &e), OK);
    page_set_aside(&page, 4, 1, 0);
    validator_hears(PARBUS__TO_WORKER__BODY_CONTROLS, &page.controls.base, 0);
    page_free(&page);
    cr_assert_eq(validator_over(t.core, &e), ERR_INVALID);
    cr_assert_str_eq(e.text, "controls of the journal: control record 4: the entry that is set aside has no pseq");
}

Test(validator_core, counts_what_a_full_queue_drops)
{
    t.send_result = ERR_BUSY;
    record_begin(&t.record, RECORD_CONTROL, RECEIVED_MS, 3);
    work();
    cr_assert_eq(validator_metrics(t.core)->value[METRIC_sends_full], 1);
}

/* A retraction's row takes one byte in the journal and many in Verdicts: the message must fit all the same. */
static void fill_with_faults(size_t odd_rows, size_t even_rows)
{
    static uint32_t indicator[WIRE_ROWS_MAX];
    struct draft d;
    draft_begin(&d);
    d.s.has_retract = d.s.retract = 1;
    d.s.indicator = indicator;
    record_begin(&t.record, RECORD_DATA, RECEIVED_MS, 3);
    for (uint64_t seq = 1; t.record.size < 1 << 20; seq++) {
        d.s.n_indicator = seq % 2 ? odd_rows : even_rows;
        draft_add(&d, &t.record, 0, HA_NOI, 1, seq);
    }
}

static void expect_all_named(const Parbus__Verdicts *v)
{
    struct record_header header;
    uint32_t entries = 0;
    memcpy(&header, t.record.data, sizeof header);
    for (size_t i = 0; i < v->n_reject_entry; i++)
        entries += i == 0 || v->reject_entry[i] != v->reject_entry[i - 1];
    cr_assert_eq(entries, header.count);
}

Test(validator_core, more_than_a_thousand_faulty_rows_reject_their_submission)
{
    fill_with_faults(WIRE_ROWS_MAX, 900);
    work();
    const Parbus__Verdicts *v = verdicts();
    cr_assert_eq(v->reject_row[0], WIRE_ROW_WHOLE);
    cr_assert_eq(v->reject_entry[1], 1);
    cr_assert_eq(v->reject_row[1], 0);
    expect_all_named(v);
}

Test(validator_core, a_record_of_nothing_but_faulty_rows_still_fits_into_one_message)
{
    fill_with_faults(900, 900);
    work();
    cr_assert_leq(t.packed.size, WIRE_MESSAGE_BYTES_MAX);
    const Parbus__Verdicts *v = verdicts();
    cr_assert_eq(v->reject_row[0], 0, "while there is room, row by row");
    cr_assert_eq(v->reject_row[v->n_reject_row - 1], WIRE_ROW_WHOLE);
    expect_all_named(v);
}

Test(validator_core, small_faulty_submissions_still_fit_into_one_message)
{
    struct draft d;
    draft_begin(&d);
    draft_row(&d, A1, 999);
    record_begin(&t.record, RECORD_DATA, RECEIVED_MS, 3);
    for (uint64_t seq = 1; t.record.size < 1 << 20; seq++)
        draft_add(&d, &t.record, 0, HA_NOI, 1, seq);
    work();
    cr_assert_leq(t.packed.size, WIRE_MESSAGE_BYTES_MAX);
    struct record_header header;
    memcpy(&header, t.record.data, sizeof header);
    cr_assert_eq(verdicts()->n_reject_entry, header.count);
}

Test(validator_core, says_hello_again_when_it_is_not_known)
{
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    Parbus__WhoAreYou who = PARBUS__WHO_ARE_YOU__INIT;
    validator_tick(t.core, at(0));
    validator_hears(PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base, 10);
    validator_hears(PARBUS__TO_WORKER__BODY_WHO_ARE_YOU, &who.base, 2000000);
    validator_tick(t.core, at(2000000));
    cr_assert_eq(t.hellos, 2);
}

Test(validator_core, what_could_not_be_read_is_counted_and_told)
{
    struct wire_message bad = {.err = ERR_INVALID, .why = "ToWorker: unknown kind of message 99"};
    validator_receive(t.core, VALIDATOR_COORDINATOR, peer_unnamed(1), &bad, at(0));
    cr_assert_eq(t.troubles, 1);
    cr_assert_eq(validator_metrics(t.core)->value[METRIC_messages_malformed], 1);
}

/* I14: the ingestor may have sent it before it heard the Leave. */
Test(validator_core, what_is_on_its_way_to_one_who_leaves_is_still_done)
{
    struct draft d;
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &t.record, HA_NOI, 1, 1);
    validator_leave(t.core, at(1000000));
    validator_tick(t.core, at(1199999));
    cr_assert_eq(validator_over(t.core, NULL), OK);
    work_at(1199999);
    cr_assert_eq(t.sent, 1);
    cr_assert_leq(validator_tick(t.core, at(1200000)), 1399999);
    cr_assert_eq(validator_over(t.core, NULL), OK);
    validator_tick(t.core, at(1399999));
    cr_assert_eq(validator_over(t.core, NULL), ERR_STOPPED);
}
