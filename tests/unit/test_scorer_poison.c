/* What is set aside, what is sent again, and where the scorer says that it is (rules I17 to I19). */
#include "scorer_world.h"
#include "wire/wire.h"
#include <criterion/criterion.h>

static struct fixture f;
static struct err_text e;

static void setup(void) { fixture_setup(&f); }
static void teardown(void) { fixture_teardown(&f); }
TestSuite(scorer_poison, .init = setup, .fini = teardown);

/* Verdicts that reject the record's only entry as a whole. */
static void give_rejected(uint64_t pseq, uint32_t reason, char *detail)
{
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    uint32_t entry = 0, row = WIRE_ROW_WHOLE;
    v.owner_epoch = EPOCH;
    v.first_pseq = pseq;
    world_seal(&f.record, 0, pseq);
    v.control_seq = catalog_control_seq(f.w.catalog);
    v.record = (ProtobufCBinaryData){f.record.size, f.record.data};
    v.n_reject_entry = v.n_reject_row = v.n_reject_reason = v.n_reject_detail = 1;
    v.reject_entry = &entry, v.reject_row = &row, v.reject_reason = &reason, v.reject_detail = &detail;
    world_verdicts(&f.w, &v, 0);
}

/* A record of one submission of feeder 7 with two rows. */
static void record_of(enum record_kind kind, uint64_t seq)
{
    draft_begin(&f.d);
    draft_row(&f.d, A1, 5);
    draft_row(&f.d, B, 9);
    buffer_clear(&f.record);
    record_begin(&f.record, kind, RECEIVED_MS, 3);
    draft_add(&f.d, &f.record, 0, HA_NOI, 7, seq);
}

static void set_aside(uint64_t pseq)
{
    record_of(RECORD_DATA, pseq);
    cr_assert_eq(set_aside_in(f.w.catalog, 0, pseq, &e), OK, "%s", e.text);
    give_rejected(pseq, PARBUS__REASON__REJECTED_POISON, "3 workers ended while at it");
}

Test(scorer_poison, what_is_sent_again_is_applied_and_its_reject_taken_back)
{
    set_aside(1);
    record_of(RECORD_RETRY, 1);
    world_give(&f.w, &f.record, 2, 0);
    fixture_commit(&f);
    const struct fake_reject *first = fake_reject(&f.state, 0), *second = fake_reject(&f.state, 1);
    cr_assert(first && second);
    cr_assert_not(first->gone);
    cr_assert(second->gone, "after the first, in one commit");
    cr_assert(second->feeder == 7 && second->epoch == 1 && second->seq == 1 && second->row == WIRE_ROW_WHOLE);
    cr_assert_null(fake_reject(&f.state, 2));
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 14000000);
    cr_assert_eq(fake_cells(&f.state, 0, HA_NOI, 1)[0].pseq, 2, "its place is the new one");
    cr_assert_eq(fake_cells(&f.state, 0, HA_NOI, 1)[0].received_ms, RECEIVED_MS);
    const struct tally *t = fake_tally(&f.state, 0, 7);
    cr_assert_eq(t->scored, 1, "it is one submission");
    cr_assert_eq(t->accepted_rows, 2);
    cr_assert_eq(t->rejected_rows, 1);
}

Test(scorer_poison, what_is_rejected_again_has_the_newer_reject)
{
    set_aside(1);
    record_of(RECORD_RETRY, 1);
    give_rejected(2, PARBUS__REASON__REJECTED_STAGE_UNKNOWN, "no such stage");
    fixture_commit(&f);
    cr_assert(fake_reject(&f.state, 1)->gone);
    const struct fake_reject *last = fake_reject(&f.state, 2);
    cr_assert(last && !last->gone);
    cr_assert_eq(last->header.pseq, 2);
    cr_assert_eq(last->header.reason, PARBUS__REASON__REJECTED_STAGE_UNKNOWN);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->scored, 1);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->rejected_rows, 3);
}

Test(scorer_poison, a_retry_that_comes_twice_counts_once)
{
    set_aside(1);
    record_of(RECORD_RETRY, 1);
    world_give(&f.w, &f.record, 2, 0);
    world_give(&f.w, &f.record, 2, 0);
    fixture_commit(&f);
    world_give(&f.w, &f.record, 2, 0);
    cr_assert_eq(scorer_metrics(f.w.core)->value[METRIC_records_duplicate], 2);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->accepted_rows, 2);
}

/* The feeder has begun a new epoch meanwhile. */
Test(scorer_poison, a_retry_of_an_older_epoch_is_applied_and_counted_nowhere)
{
    set_aside(1);
    struct record_entry entry = {.feeder = 7, .epoch = 2, .seq = 1, .series = 1, .unit = HA_NAM};
    buffer_clear(&f.record);
    record_begin(&f.record, RECORD_DATA, RECEIVED_MS, 3);
    record_add(&f.record, 0, &entry, NULL);
    world_give(&f.w, &f.record, 2, 0);
    record_of(RECORD_RETRY, 1);
    world_give(&f.w, &f.record, 3, 0);
    fixture_commit(&f);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 14000000);
    cr_assert_eq(f.w.tally_scored, 1, "that of epoch 2");
    cr_assert_eq(f.w.tally_accepted, 0);
}

Test(scorer_poison, nothing_of_a_retry_is_done_when_its_unit_cannot_be_read)
{
    set_aside(1);
    fixture_commit(&f);
    world_release(&f.w, 0, EPOCH, 0);
    world_assign(&f.w, 0, EPOCH, 0);
    record_of(RECORD_RETRY, 1);
    f.state.fail_read = ERR_IO;
    world_give(&f.w, &f.record, 2, 0);
    f.state.fail_read = OK;
    fixture_commit(&f);
    cr_assert_null(fake_reject(&f.state, 1));
    world_give(&f.w, &f.record, 2, 0);
    fixture_commit(&f);
    cr_assert(fake_reject(&f.state, 1)->gone);
}

/* An owner before us may have told the publisher what it did to this unit (I15). */
Test(scorer_poison, the_unit_of_what_is_set_aside_is_told_to_the_publisher)
{
    set_aside(1);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores_count, 1);
    cr_assert_eq(f.w.scores[0].units, 1);
    cr_assert_eq(f.w.scores[0].unit, HA_NOI);
    cr_assert_not(f.w.scores[0].present);
    fixture_commit(&f);
    cr_assert_not_null(fake_score(&f.state, 0, HA_NOI));
    cr_assert_null(fake_cells(&f.state, 0, HA_NOI, 1));
}

Test(scorer_poison, controls_that_verdicts_name_must_be_known)
{
    record_of(RECORD_DATA, 1);
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    v.owner_epoch = EPOCH, v.first_pseq = 1, v.control_seq = 4;
    world_seal(&f.record, 0, 1);
    v.record = (ProtobufCBinaryData){f.record.size, f.record.data};
    world_verdicts(&f.w, &v, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 0);
    v.control_seq = 3;
    world_verdicts(&f.w, &v, 0);
    fixture_commit(&f);
    cr_assert_eq(f.state.cursor[0].applied, 1);
}

/* I15: what it applied before it knew of a control makes all that it tells of the partition of before. */
Test(scorer_poison, scores_name_the_controls_known_when_the_partition_was_begun)
{
    record_of(RECORD_DATA, 1);
    world_give(&f.w, &f.record, 1, 0);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores[0].control_seq, 3);
    cr_assert_eq(set_aside_in(f.w.catalog, 1, 1, &e), OK, "%s", e.text);
    record_of(RECORD_DATA, 2);
    world_give(&f.w, &f.record, 2, 0);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores[1].control_seq, 3);
    fixture_commit(&f);
    world_assign(&f.w, 0, EPOCH + 1, 0);
    record_of(RECORD_DATA, 3);
    world_give_to(&f.w, 0, EPOCH + 1, &f.record, 3, 0);
    scorer_flush(f.w.core);
    cr_assert_eq(f.w.scores[2].control_seq, 4);
}

/* ---- the bookmark ---- */

Test(scorer_poison, the_bookmark_is_at_the_entry_while_it_is_applied_and_not_longer)
{
    record_of(RECORD_DATA, 1);
    draft_add(&f.d, &f.record, 0, HA_NAM, 7, 2);
    world_give(&f.w, &f.record, 1, 0);
    cr_assert_eq(f.state.bookmark_at_read, 2, "while its unit was read");
    cr_assert_eq(f.w.bookmark.pseq, 0);
    scorer_flush(f.w.core);
    fixture_commit(&f);
    cr_assert_eq(f.w.bookmark_at_scores, 0);
    cr_assert_eq(f.state.bookmark_at_commit, 0);
}

Test(scorer_poison, a_record_that_breaks_off_leaves_no_bookmark)
{
    f.state.fail_read = ERR_IO;
    record_of(RECORD_DATA, 1);
    world_give(&f.w, &f.record, 1, 0);
    cr_assert_eq(f.state.bookmark_at_read, 1);
    cr_assert_eq(f.w.bookmark.pseq, 0);
}

Test(scorer_poison, neither_commits_nor_scores_are_made_with_a_bookmark_set)
{
    world_teardown(&f.w);
    world_setup_limited(&f.w, &f.state, 1);
    world_assign(&f.w, 0, EPOCH, 0);
    f.w.bookmark_at_scores = f.state.bookmark_at_commit = UINT64_MAX;
    record_of(RECORD_DATA, 1);
    for (uint64_t seq = 2; seq <= 9; seq++)
        draft_add(&f.d, &f.record, 0, seq % 2 ? HA_NOI : HA_NAM, 7, seq);
    world_give(&f.w, &f.record, 1, 0);
    world_tick(&f.w, 0);
    cr_assert_gt(f.state.commits, 0);
    cr_assert_eq(f.state.bookmark_at_commit, 0);
    cr_assert_eq(f.w.bookmark_at_scores, 0);
}
