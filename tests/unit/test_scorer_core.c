/* What a scorer makes of verdicts: values, points, rejects, totals, and what it tells the publisher. */
#include "scorer_world.h"
#include "wire/wire.h"
#include <criterion/criterion.h>

static struct fixture f;

static void setup(void) { fixture_setup(&f); }
static void teardown(void) { fixture_teardown(&f); }
TestSuite(scorer_core, .init = setup, .fini = teardown);

static const struct cell *cell_of(int stage, uint32_t leaf)
{
    fixture_commit(&f);
    const struct cell *cells = fake_cells(&f.state, 0, HA_NOI, stage);
    cr_assert(cells);
    return &cells[leaf];
}

Test(scorer_core, points_of_all_nodes_are_exact)
{
    draft_row(&f.d, A1, 7.25);
    draft_row(&f.d, A2, 50);
    draft_row(&f.d, B, 19.5);
    draft_record(&f.d, &f.record, HA_NOI, 7, 1);
    world_give(&f.w, &f.record, 1, 0);
    fixture_commit(&f);
    const int64_t *points = fake_points(&f.state, 0, HA_NOI);
    static const int64_t expected[] = {31750000, 12250000, 7250000, 5000000, 19500000};
    for (int i = 0; i < 5; i++)
        cr_assert_eq(points[i], expected[i], "node %d: %lld", i, (long long)points[i]);
    cr_assert(fake_score(&f.state, 0, HA_NOI)->complete);
}

Test(scorer_core, the_publisher_is_told_before_anything_is_committed)
{
    draft_row(&f.d, B, 3);
    draft_record(&f.d, &f.record, HA_NOI, 7, 42);
    world_give(&f.w, &f.record, 1, 0);
    scorer_flush(f.w.core);
    cr_assert_eq(f.state.commits, 0);
    cr_assert_eq(f.w.scores_count, 1);
    const struct said_scores *s = &f.w.scores[0];
    cr_assert_eq(s->prev_pseq, 0);
    cr_assert_eq(s->pseq, 1);
    cr_assert_eq(s->unit, HA_NOI);
    cr_assert_eq(s->root, 3000000);
    cr_assert_eq(s->cause_seq, 42);
    cr_assert(s->present);
    cr_assert_not(s->complete);
}

Test(scorer_core, several_records_between_two_flushes_are_one_message)
{
    world_give_row(&f.w, 1, B, 3, 0);
    world_give_row(&f.w, 2, A1, 4, 0);
    scorer_flush(f.w.core);
    world_give_row(&f.w, 3, A2, 4, 0);
    scorer_flush(f.w.core);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores_count, 2);
    cr_assert_eq(f.w.scores[0].pseq, 2);
    cr_assert_eq(f.w.scores[0].units, 1);
    cr_assert_eq(f.w.scores[1].prev_pseq, 2);
    cr_assert_eq(f.w.scores[1].pseq, 3);
}

Test(scorer_core, positions_are_told_even_when_no_unit_changed)
{
    world_give_row(&f.w, 1, B, 3, 100);
    scorer_flush(f.w.core);
    world_give_row(&f.w, 2, B, 9, 50);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores_count, 2);
    cr_assert_eq(f.w.scores[1].units, 0);
    cr_assert_eq(f.w.scores[1].pseq, 2);
}

Test(scorer_core, a_dropped_message_leaves_a_gap_that_the_publisher_sees)
{
    f.w.publisher_result = ERR_BUSY;
    world_give_row(&f.w, 1, B, 3, 0);
    scorer_flush(f.w.core);
    f.w.publisher_result = OK;
    world_give_row(&f.w, 2, B, 4, 0);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores[1].prev_pseq, 1);
    cr_assert_eq(scorer_metrics(f.w.core)->value[METRIC_scores_dropped], 1);
}

Test(scorer_core, the_later_observation_wins_whatever_came_first)
{
    world_give_row(&f.w, 1, B, 3, 100);
    world_give_row(&f.w, 2, B, 9, 50);
    cr_assert_eq(cell_of(1, 2)->value, 3);
    world_give_row(&f.w, 3, B, 5, 100);
    const struct cell *c = cell_of(1, 2);
    cr_assert_eq(c->value, 5);
    cr_assert_eq(c->pseq, 3);
    cr_assert(c->flags & CELL_REPLACED);
    cr_assert_eq(c->replaced_value, 3);
    cr_assert_eq(c->replaced_pseq, 1);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->accepted_rows, 3);
    cr_assert_eq(fake_score(&f.state, 0, HA_NOI)->cause_seq, 3);
}

Test(scorer_core, a_value_without_effect_is_no_cause)
{
    world_give_row(&f.w, 1, B, 3, 100);
    world_give_row(&f.w, 2, B, 9, 50);
    fixture_commit(&f);
    cr_assert_eq(fake_score(&f.state, 0, HA_NOI)->cause_seq, 1);
}

Test(scorer_core, within_a_submission_the_later_row_wins)
{
    draft_row(&f.d, B, 3);
    draft_row(&f.d, B, 4);
    draft_record(&f.d, &f.record, HA_NOI, 7, 1);
    world_give(&f.w, &f.record, 1, 0);
    const struct cell *c = cell_of(1, 2);
    cr_assert_eq(c->value, 4);
    cr_assert_eq(c->row, 1);
    cr_assert_eq(c->received_ms, RECEIVED_MS);
    cr_assert_eq(c->observed_ms, RECEIVED_MS);
}

static void retract(uint64_t pseq, uint32_t indicator, int64_t observed_ms)
{
    draft_begin(&f.d);
    draft_retract_row(&f.d, indicator);
    f.d.s.has_observed_ms = 1;
    f.d.s.observed_ms = observed_ms;
    draft_record(&f.d, &f.record, HA_NOI, 7, pseq);
    world_give(&f.w, &f.record, pseq, 0);
}

Test(scorer_core, a_retraction_takes_the_value_back_as_of_its_time)
{
    world_give_row(&f.w, 1, B, 3, 100);
    retract(2, B, 90);
    cr_assert_eq(cell_of(1, 2)->flags, CELL_PRESENT);
    retract(3, B, 110);
    const struct cell *c = cell_of(1, 2);
    cr_assert_eq(c->flags, CELL_RETRACTED | CELL_REPLACED);
    cr_assert_eq(c->value, 0);
    cr_assert_eq(c->replaced_value, 3);
    cr_assert_not(fake_score(&f.state, 0, HA_NOI)->present);
    world_give_row(&f.w, 4, B, 8, 105);
    cr_assert_eq(cell_of(1, 2)->flags, CELL_RETRACTED | CELL_REPLACED);
    world_give_row(&f.w, 5, B, 8, 120);
    cr_assert_eq(cell_of(1, 2)->value, 8);
}

Test(scorer_core, the_highest_stage_present_is_effective)
{
    world_give_row(&f.w, 1, B, 20, 0);
    draft_row(&f.d, B, 15);
    f.d.s.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    draft_record(&f.d, &f.record, HA_NOI, 8, 1);
    world_give(&f.w, &f.record, 2, 0);
    world_give_row(&f.w, 3, B, 19, 5);
    cr_assert_eq(cell_of(1, 2)->value, 19);
    cr_assert_eq(cell_of(2, 2)->value, 15);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 15000000);
    cr_assert_eq(fake_score(&f.state, 0, HA_NOI)->appraised_share, 500000);
}

Test(scorer_core, evidence_is_marked_at_its_row)
{
    draft_row(&f.d, A1, 1);
    draft_row(&f.d, B, 2);
    draft_evidence(&f.d, 1, "https://example.org/2.pdf");
    draft_record(&f.d, &f.record, HA_NOI, 7, 1);
    world_give(&f.w, &f.record, 1, 0);
    cr_assert_eq(cell_of(1, 0)->flags, CELL_PRESENT);
    cr_assert_eq(cell_of(1, 2)->flags, CELL_PRESENT | CELL_EVIDENCE);
}

static void give_rejected(uint64_t pseq, uint32_t row, uint32_t reason, char *detail)
{
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    uint32_t entry = 0;
    v.owner_epoch = EPOCH;
    v.first_pseq = pseq;
    world_seal(&f.record, 0, pseq);
    v.record = (ProtobufCBinaryData){f.record.size, f.record.data};
    v.n_reject_entry = v.n_reject_row = v.n_reject_reason = v.n_reject_detail = 1;
    v.reject_entry = &entry;
    v.reject_row = &row;
    v.reject_reason = &reason;
    v.reject_detail = &detail;
    world_verdicts(&f.w, &v, 0);
}

Test(scorer_core, rejected_rows_are_kept_with_reason_and_original)
{
    draft_row(&f.d, A1, 5);
    draft_row(&f.d, B, 99);
    draft_record(&f.d, &f.record, HA_NOI, 7, 3);
    give_rejected(1, 1, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "value 99 is outside 0..20");
    fixture_commit(&f);
    const struct fake_reject *r = fake_reject(&f.state, 0);
    cr_assert(r);
    cr_assert_eq(r->feeder, 7);
    cr_assert_eq(r->seq, 3);
    cr_assert_eq(r->row, 1);
    cr_assert_eq(r->header.reason, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE);
    cr_assert_eq(r->header.indicator, B);
    cr_assert_eq(r->header.value, 99);
    cr_assert_eq(r->header.pseq, 1);
    cr_assert_eq(r->header.received_ms, RECEIVED_MS);
    cr_assert_str_eq(r->detail, "value 99 is outside 0..20");
    cr_assert_eq(fake_tally(&f.state, 0, 7)->accepted_rows, 1);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->rejected_rows, 1);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 5000000);
    cr_assert_null(fake_reject(&f.state, 1));
}

Test(scorer_core, a_reject_is_written_once)
{
    draft_row(&f.d, B, 99);
    draft_record(&f.d, &f.record, HA_NOI, 7, 1);
    give_rejected(1, 0, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "value 99 is outside 0..20");
    fixture_commit(&f);
    world_give_row(&f.w, 2, B, 3, 0);
    fixture_commit(&f);
    cr_assert_not_null(fake_reject(&f.state, 0));
    cr_assert_null(fake_reject(&f.state, 1));
}

Test(scorer_core, a_submission_rejected_as_a_whole_counts_all_its_rows)
{
    draft_row(&f.d, A1, 5);
    draft_row(&f.d, B, 9);
    draft_record(&f.d, &f.record, UNIT_NONE, 7, 1);
    give_rejected(1, WIRE_ROW_WHOLE, PARBUS__REASON__REJECTED_UNIT_UNKNOWN, "unknown unit");
    draft_begin(&f.d);
    draft_record(&f.d, &f.record, HA_NOI, 7, 2);
    give_rejected(2, WIRE_ROW_WHOLE, PARBUS__REASON__REJECTED_EMPTY, "no rows");
    fixture_commit(&f);
    const struct tally *t = fake_tally(&f.state, 0, 7);
    cr_assert_eq(t->scored, 2);
    cr_assert_eq(t->accepted_rows, 0);
    cr_assert_eq(t->rejected_rows, 3);
    cr_assert_eq(fake_reject(&f.state, 0)->header.indicator, 0);
}

Test(scorer_core, a_body_that_cannot_be_read_is_rejected_and_what_follows_goes_on)
{
    struct record_entry entry = {.body_bytes = 3, .feeder = 7, .epoch = 1, .seq = 1, .series = 1, .unit = 1};
    record_begin(&f.record, RECORD_DATA, RECEIVED_MS, 3);
    record_add(&f.record, 0, &entry, "\x0a\xff\xff");
    draft_row(&f.d, B, 9);
    draft_add(&f.d, &f.record, 0, HA_NOI, 7, 2);
    world_give(&f.w, &f.record, 1, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 2);
    cr_assert_eq(fake_reject(&f.state, 0)->header.reason, PARBUS__REASON__REJECTED_POISON);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 9000000);
}

Test(scorer_core, verdicts_that_do_not_fit_their_submission_do_no_harm)
{
    draft_row(&f.d, 99, 1);
    draft_row(&f.d, 2, 1);
    draft_record(&f.d, &f.record, HA_NOI, 7, 1);
    world_give(&f.w, &f.record, 1, 0);
    f.d.s.stage = PARBUS__STAGE__STAGE_APPRAISED_2;
    draft_record(&f.d, &f.record, HA_NOI, 7, 2);
    world_give(&f.w, &f.record, 2, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 2);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->accepted_rows, 0);
    give_rejected(3, 0, 100, "of entry 0");
    uint64_t before = scorer_metrics(f.w.core)->value[METRIC_messages_malformed];
    uint32_t entry = 5, row = 0, reason = 100;
    char *detail = "of an entry that is not there";
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    v.owner_epoch = EPOCH, v.first_pseq = 4;
    world_seal(&f.record, 0, 4);
    v.record = (ProtobufCBinaryData){f.record.size, f.record.data};
    v.n_reject_entry = v.n_reject_row = v.n_reject_reason = v.n_reject_detail = 1;
    v.reject_entry = &entry, v.reject_row = &row, v.reject_reason = &reason, v.reject_detail = &detail;
    world_verdicts(&f.w, &v, 0);
    cr_assert_eq(scorer_metrics(f.w.core)->value[METRIC_messages_malformed], before + 1);
}

Test(scorer_core, a_damaged_record_changes_nothing)
{
    draft_row(&f.d, B, 9);
    draft_record(&f.d, &f.record, HA_NOI, 7, 1);
    size_t whole = f.record.size;
    for (f.record.size = 0; f.record.size < whole; f.record.size++)
        world_give(&f.w, &f.record, 1, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 0);
}

Test(scorer_core, a_control_record_moves_the_position)
{
    record_begin(&f.record, RECORD_CONTROL, RECEIVED_MS, 3);
    world_give(&f.w, &f.record, 1, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 1);
    cr_assert_eq(f.w.progress_applied, 1);
}

/* Another order in the journal gives the same values and points: only positions differ. */
Test(scorer_core, the_order_of_arrival_does_not_change_values_and_points)
{
    static const double value[] = {3, 9, 5, 7};
    static const int64_t observed_ms[] = {40, 10, 30, 20};
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}, {2, 3, 0, 1}};
    for (int o = 0; o < 4; o++) {
        teardown();
        setup();
        for (int i = 0; i < 4; i++)
            world_give_row(&f.w, (uint64_t)i + 1, B, value[orders[o][i]], observed_ms[orders[o][i]]);
        cr_assert_eq(cell_of(1, 2)->value, 3);
        cr_assert_eq(cell_of(1, 2)->observed_ms, 40);
        cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 3000000);
    }
}
