/* What happens while state is being written: more is applied, partitions come and go, the disk fails, somebody else was
 * quicker. Rules I5, I6, I10, I11, I11a. */
#include "scorer_world.h"
#include "services/scorer/partition.h"
#include <criterion/criterion.h>
#include <string.h>

static struct fixture f;
static uint64_t epoch, applied, committed;

static void setup(void)
{
    fixture_setup(&f);
    f.w.owned = 0;
    f.w.disk_waits = true;
}
static void teardown(void) { fixture_teardown(&f); }
TestSuite(scorer_writing, .init = setup, .fini = teardown);

static uint64_t counted(enum metric m) { return scorer_metrics(f.w.core)->value[m]; }

/* The first row is being written, the second one has come since. */
static void one_under_way_and_one_more(void)
{
    world_give_row(&f.w, 1, B, 3, 0);
    cr_assert(scorer_commit(f.w.core, at(0)));
    world_give_row(&f.w, 2, B, 4, 1);
}

Test(scorer_writing, more_is_applied_and_only_what_is_written_is_told)
{
    one_under_way_and_one_more();
    cr_assert(scorer_position(f.w.core, 0, &epoch, &applied, &committed));
    cr_assert_eq(applied, 2);
    cr_assert_eq(committed, 0);
    cr_assert_eq(f.w.progress, 0);
    world_written(&f.w, 0);
    cr_assert_eq(f.w.progress_applied, 1);
    cr_assert_eq(f.w.tally_scored, 1, "totals are those of the same moment");
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 3000000);
    cr_assert_eq(fake_cells(&f.state, 0, HA_NOI, 1)[2].pseq, 1);
    world_commit(&f.w);
    world_written(&f.w, 0);
    cr_assert_eq(f.w.progress_applied, 2);
    cr_assert_eq(f.w.tally_scored, 2);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 4000000);
}

Test(scorer_writing, one_thing_is_written_at_a_time)
{
    one_under_way_and_one_more();
    cr_assert(scorer_commit(f.w.core, at(0)), "the first one is under way");
    cr_assert_eq(f.state.ticket, 2, "after the claim");
    scorer_tick(f.w.core, at(10 * INTERVAL_US));
    cr_assert_eq(f.state.ticket, 2);
    world_written(&f.w, 10 * INTERVAL_US);
    scorer_tick(f.w.core, at(10 * INTERVAL_US));
    cr_assert_eq(f.state.ticket, 3, "its interval was over long ago");
}

Test(scorer_writing, what_could_not_be_written_goes_with_what_came_since)
{
    one_under_way_and_one_more();
    f.state.fail_commit = ERR_FULL;
    world_written(&f.w, 0);
    f.state.fail_commit = OK;
    world_give_row(&f.w, 3, A1, 5, 0);
    world_commit(&f.w);
    world_written(&f.w, 0);
    cr_assert_eq(f.state.cursor[0].applied, 3);
    cr_assert_eq(f.w.progress_applied, 3);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->scored, 3);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 9000000);
}

static void give_wrong(uint64_t pseq)
{
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    char detail[32], *details[] = {detail};
    uint32_t entry = 0, row = UINT32_MAX, reason = PARBUS__REASON__REJECTED_POISON;
    snprintf(detail, sizeof detail, "%0*d", (int)pseq, 0); /* of different lengths */
    draft_begin(&f.d);
    draft_row(&f.d, B, 1);
    draft_record(&f.d, &f.record, HA_NOI, 7, pseq);
    world_seal(&f.record, 0, pseq);
    v.owner_epoch = EPOCH;
    v.first_pseq = pseq;
    v.record = (ProtobufCBinaryData){f.record.size, f.record.data};
    v.n_reject_entry = v.n_reject_row = v.n_reject_reason = v.n_reject_detail = 1;
    v.reject_entry = &entry, v.reject_row = &row, v.reject_reason = &reason, v.reject_detail = details;
    world_verdicts(&f.w, &v, 0);
}

Test(scorer_writing, rejects_keep_their_order_and_their_words_when_they_are_written_again)
{
    give_wrong(1);
    give_wrong(2);
    scorer_commit(f.w.core, at(0));
    give_wrong(3);
    f.state.fail_commit = ERR_IO;
    world_written(&f.w, 0);
    f.state.fail_commit = OK;
    give_wrong(4);
    world_commit(&f.w);
    world_written(&f.w, 0);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_not_null(fake_reject(&f.state, i));
        cr_assert_eq(fake_reject(&f.state, i)->seq, i + 1);
        cr_assert_eq(strlen(fake_reject(&f.state, i)->detail), i + 1);
    }
    cr_assert_null(fake_reject(&f.state, 4));
}

Test(scorer_writing, a_release_waits_for_what_is_under_way_and_for_the_rest)
{
    one_under_way_and_one_more();
    world_release(&f.w, 0, EPOCH, 0);
    world_give_row(&f.w, 3, B, 5, 2);
    cr_assert_eq(counted(METRIC_records_not_owned), 1, "nothing more is taken");
    world_written(&f.w, 0);
    cr_assert_eq(f.w.released, 0);
    scorer_tick(f.w.core, at(1)); /* whatever the interval says */
    world_written(&f.w, 1);
    cr_assert_eq(f.w.released, 1);
    cr_assert_eq(f.w.released_applied, 2);
    cr_assert_not(f.w.released_lost);
    cr_assert_not(scorer_position(f.w.core, 0, &epoch, &applied, &committed));
}

Test(scorer_writing, a_release_is_answered_under_the_epoch_that_it_came_with)
{
    one_under_way_and_one_more();
    world_release(&f.w, 0, EPOCH + 1, 0);
    world_assign(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.owned, 0, "what goes is not taken again under the same epoch");
    for (int i = 0; i < 2; i++) {
        scorer_tick(f.w.core, at(i));
        world_written(&f.w, i);
    }
    cr_assert_eq(f.w.released_epoch, EPOCH + 1);
}

Test(scorer_writing, who_lost_the_race_says_so_and_the_others_go_on)
{
    f.w.disk_waits = false;
    world_assign(&f.w, 1, EPOCH, 0);
    f.w.disk_waits = true;
    draft_begin(&f.d);
    draft_row(&f.d, B, 1);
    draft_record(&f.d, &f.record, HA_NAM, 7, 1);
    world_give_to(&f.w, 1, EPOCH, &f.record, 1, 0);
    one_under_way_and_one_more();
    f.state.cursor[0].owner_epoch = EPOCH + 1;
    world_written(&f.w, 0);
    cr_assert_eq(f.w.released, 1);
    cr_assert(f.w.released_lost);
    cr_assert_not(scorer_position(f.w.core, 0, &epoch, &applied, &committed));
    cr_assert_eq(f.state.cursor[1].applied, 1);
    cr_assert(scorer_position(f.w.core, 1, &epoch, &applied, &committed));
    cr_assert_eq(committed, 1);
}

Test(scorer_writing, an_answer_for_a_partition_that_was_given_up_changes_nothing)
{
    one_under_way_and_one_more();
    world_who_are_you(&f.w, 0);
    world_assign(&f.w, 0, EPOCH, 0); /* under the same epoch even */
    world_written(&f.w, 0);
    cr_assert_eq(f.w.progress, 0);
    cr_assert_eq(f.w.owned, 0);
    world_commit(&f.w);
    world_written(&f.w, 0);
    cr_assert_eq(f.w.owned_applied, 1, "what was under way is in state");
}

Test(scorer_writing, a_partition_is_ours_when_state_says_so)
{
    world_assign(&f.w, 1, EPOCH, 0);
    world_assign(&f.w, 1, EPOCH, 0);
    cr_assert_eq(f.w.owned, 0);
    draft_begin(&f.d);
    draft_row(&f.d, B, 1);
    draft_record(&f.d, &f.record, HA_NOI, 7, 1);
    world_give_to(&f.w, 1, EPOCH, &f.record, 1, 0);
    cr_assert_eq(counted(METRIC_records_not_owned), 1);
    cr_assert_eq(f.w.released, 0, "it is not said that it is not ours either");
    world_written(&f.w, 0);
    cr_assert_eq(f.w.owned, 1);
}

Test(scorer_writing, a_claim_that_is_overtaken_by_a_later_epoch_is_made_again)
{
    world_assign(&f.w, 1, EPOCH, 0);
    world_assign(&f.w, 1, EPOCH + 1, 0);
    world_written(&f.w, 0);
    cr_assert_eq(f.w.owned, 0);
    scorer_tick(f.w.core, at(0));
    world_written(&f.w, 0);
    cr_assert_eq(f.w.owned, 1);
    cr_assert_eq(f.state.cursor[1].owner_epoch, EPOCH + 1);
}

Test(scorer_writing, what_is_asked_back_before_it_was_ours_is_answered_at_once)
{
    world_assign(&f.w, 1, EPOCH, 0);
    world_release(&f.w, 1, EPOCH, 0);
    cr_assert_eq(f.w.released, 1);
    world_written(&f.w, 0);
    cr_assert_eq(f.w.owned, 0);
    cr_assert_not(scorer_position(f.w.core, 1, &epoch, &applied, &committed));
}

Test(scorer_writing, a_partition_whose_row_is_damaged_keeps_none_of_the_others_from_its_owner)
{
    f.state.damaged = 2;
    world_assign(&f.w, 1, EPOCH, 0);
    world_assign(&f.w, 2, EPOCH, 0);
    world_written(&f.w, 0); /* 1 alone */
    world_assign(&f.w, 3, EPOCH, 0);
    world_commit(&f.w);
    world_written(&f.w, 0);
    cr_assert_eq(f.w.owned, 2);
    scorer_tick(f.w.core, at(1000000));
    cr_assert_str_eq(f.w.trouble, "partition 2 is damaged");
}

Test(scorer_writing, leaving_waits_for_claims_under_way)
{
    world_assign(&f.w, 1, EPOCH, 0);
    scorer_leave(f.w.core);
    world_release(&f.w, 0, EPOCH, 0);
    scorer_tick(f.w.core, at(0));
    cr_assert_eq(scorer_over(f.w.core, NULL), OK);
    world_written(&f.w, 0);
    world_release(&f.w, 1, EPOCH, 0);
    scorer_tick(f.w.core, at(0));
    cr_assert_eq(scorer_over(f.w.core, NULL), ERR_STOPPED);
}

Test(scorer_writing, verdicts_wait_while_memory_is_full_and_what_was_refused_is_asked_for)
{
    world_teardown(&f.w);
    f.state.work = NULL;
    world_setup_limited(&f.w, &f.state, 1);
    world_assign(&f.w, 0, EPOCH, 0);
    f.w.disk_waits = true;
    cr_assert(scorer_takes(f.w.core));
    for (uint64_t pseq = 1; pseq <= 2; pseq++) {
        draft_begin(&f.d);
        draft_row(&f.d, B, 2);
        draft_record(&f.d, &f.record, pseq % 2 ? HA_NOI : HA_NAM, 7, pseq);
        world_give(&f.w, &f.record, pseq, 0);
    }
    scorer_tick(f.w.core, at(0));
    cr_assert_not(scorer_takes(f.w.core));
    world_give_row(&f.w, 3, B, 4, 1);
    cr_assert_eq(counted(METRIC_records_refused), 1);
    world_written(&f.w, 0);
    cr_assert_eq(f.w.gap, 1);
    cr_assert_eq(f.w.gap_applied, 2);
    cr_assert(scorer_takes(f.w.core));
}

/* State does not have it yet. */
Test(scorer_writing, a_unit_that_is_being_written_is_not_read_again)
{
    world_teardown(&f.w);
    f.state.work = NULL;
    world_setup_limited(&f.w, &f.state, 1);
    world_assign(&f.w, 0, EPOCH, 0);
    world_give_row(&f.w, 1, B, 3, 0);
    f.w.disk_waits = true;
    int reads = f.state.reads;
    scorer_tick(f.w.core, at(INTERVAL_US));
    world_give_row(&f.w, 2, A1, 4, 0);
    cr_assert_eq(f.state.reads, reads);
    world_written(&f.w, INTERVAL_US);
    scorer_tick(f.w.core, at(2 * INTERVAL_US));
    world_written(&f.w, 2 * INTERVAL_US);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 7000000);
}

Test(scorer_writing, heartbeats_say_what_is_damaged_until_it_can_be_applied)
{
    f.w.disk_waits = false;
    f.state.fail_read = ERR_CORRUPT;
    world_give_row(&f.w, 1, B, 3, 0);
    world_tick(&f.w, 1000000);
    cr_assert_str_eq(f.w.trouble, "load unit 1 of series 1, partition 0: disk");
    world_assign(&f.w, 1, EPOCH, 1000000);
    world_tick(&f.w, 2000000);
    cr_assert_str_eq(f.w.trouble, "load unit 1 of series 1, partition 0: disk", "what can be written changes nothing");
    f.state.fail_read = OK;
    world_give_row(&f.w, 1, B, 3, 0);
    world_tick(&f.w, 3000000);
    cr_assert_str_eq(f.w.trouble, "");
    cr_assert_eq(f.state.cursor[0].applied, 1);
}

Test(scorer_writing, who_is_forgotten_forgets_what_it_could_not_read)
{
    f.w.disk_waits = false;
    f.state.damaged = 1;
    world_assign(&f.w, 1, EPOCH, 0);
    world_tick(&f.w, 1000000);
    cr_assert_str_eq(f.w.trouble, "partition 1 is damaged");
    world_who_are_you(&f.w, 1000000);
    world_welcome(&f.w, 1, 1000000);
    world_tick(&f.w, 2000000);
    cr_assert_str_eq(f.w.trouble, "");
}

Test(scorer_writing, who_has_nothing_left_to_write_has_no_trouble_with_it)
{
    f.w.disk_waits = false;
    world_give_row(&f.w, 1, B, 3, 0);
    f.state.fail_commit = ERR_IO;
    world_commit(&f.w);
    world_written(&f.w, 0);
    world_tick(&f.w, 1000000);
    cr_assert_str_eq(f.w.trouble, "disk");
    f.w.disk_waits = true;
    world_who_are_you(&f.w, 1000000);
    while (f.state.work)
        world_written(&f.w, 1000000);
    world_welcome(&f.w, 1, 1000000);
    world_tick(&f.w, 2000000);
    cr_assert_str_eq(f.w.trouble, "");
}

Test(scorer_writing, every_way_a_partition_goes_is_in_the_table)
{
    cr_assert(state_may(&holding_machine, HOLDING_WANTED, HOLDING_CLAIMING));
    cr_assert_not(state_may(&holding_machine, HOLDING_WANTED, HOLDING_OWNED), "nothing is ours before state says so");
    cr_assert_not(state_may(&holding_machine, HOLDING_RELEASING, HOLDING_OWNED), "what goes does not come back");
}
