/* Who owns a partition, what is committed when, and what the coordinator hears: rules I1, I4, I5, I6, I10, I11, I13 to
 * I16. */
#include "scorer_world.h"
#include <criterion/criterion.h>

static struct fixture f;

static void setup(void)
{
    fixture_setup(&f);
    world_welcome(&f.w, 1, 0);
    f.w.owned = 0;
    world_assign(&f.w, 0, EPOCH, 0);
}
static void teardown(void) { fixture_teardown(&f); }
TestSuite(scorer_ownership, .init = setup, .fini = teardown);

static uint64_t counted(enum metric m) { return scorer_metrics(f.w.core)->value[m]; }

Test(scorer_ownership, an_assignment_is_answered_as_often_as_it_comes)
{
    cr_assert_eq(f.w.owned, 1);
    world_give_row(&f.w, 1, B, 3, 0);
    world_assign(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.owned, 2);
    cr_assert_eq(f.w.owned_applied, 0, "what is answered is committed");
    cr_assert_eq(f.w.owned_tallies, 0);
    world_commit(&f.w);
    world_assign(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.owned, 3);
    cr_assert_eq(f.w.owned_applied, 1);
    cr_assert_eq(f.state.cursor[0].applied, 1);
    cr_assert_eq(f.w.owned_tallies, 1);
}

Test(scorer_ownership, a_greater_epoch_in_state_wins)
{
    f.state.cursor[1].owner_epoch = EPOCH + 1;
    world_assign(&f.w, 1, EPOCH, 0);
    cr_assert_eq(f.w.owned, 1);
    cr_assert_eq(f.w.released, 1);
    cr_assert(f.w.released_lost);
}

Test(scorer_ownership, an_older_epoch_is_ignored)
{
    world_assign(&f.w, 0, EPOCH - 1, 0);
    cr_assert_eq(f.w.owned, 1);
    cr_assert_eq(f.w.released, 0);
}

Test(scorer_ownership, a_newer_epoch_takes_the_partition_over_from_ourselves)
{
    world_give_row(&f.w, 1, B, 3, 0);
    world_assign(&f.w, 0, EPOCH + 1, 0);
    cr_assert_eq(f.w.owned, 2);
    cr_assert_eq(f.w.owned_applied, 1);
    cr_assert_eq(f.state.cursor[0].owner_epoch, EPOCH + 1);
    world_give_row(&f.w, 2, B, 4, 0);
    cr_assert_eq(counted(METRIC_records_not_owned), 1, "verdicts under the old epoch");
}

Test(scorer_ownership, a_disk_that_fails_leaves_an_assignment_without_answer)
{
    f.state.fail_own = ERR_IO;
    world_assign(&f.w, 1, EPOCH, 0);
    cr_assert_eq(f.w.owned, 1);
    cr_assert_eq(f.w.released, 0);
    f.state.fail_own = OK;
    world_assign(&f.w, 1, EPOCH, 0);
    cr_assert_eq(f.w.owned, 2);
}

Test(scorer_ownership, a_release_commits_answers_and_forgets)
{
    world_give_row(&f.w, 1, B, 3, 0);
    world_release(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.released, 1);
    cr_assert_eq(f.w.released_applied, 1);
    cr_assert_not(f.w.released_lost);
    cr_assert_eq(f.state.cursor[0].applied, 1);
    world_release(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.released, 2);
}

Test(scorer_ownership, a_release_waits_for_a_commit_that_fails)
{
    world_give_row(&f.w, 1, B, 3, 0);
    f.state.fail_commit = ERR_FULL;
    world_release(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.released, 0);
    f.state.fail_commit = OK;
    world_release(&f.w, 0, EPOCH, 0);
    cr_assert_eq(f.w.released_applied, 1);
}

Test(scorer_ownership, the_next_owner_goes_on_where_this_one_stopped)
{
    struct world next;
    world_give_row(&f.w, 1, B, 3, 0);
    world_release(&f.w, 0, EPOCH, 0);
    world_setup(&next, &f.state);
    world_assign(&next, 0, EPOCH + 1, 0);
    cr_assert_eq(next.owned_applied, 1);
    cr_assert_eq(next.tally_accepted, 1);
    cr_assert_neq(next.owned_mark, 0, "the entry that was applied says which past of the journal it is of");
    cr_assert_eq(next.owned_mark, f.state.cursor[0].mark);
    world_teardown(&next);
}

Test(scorer_ownership, who_lost_a_partition_writes_nothing_and_says_so)
{
    world_assign(&f.w, 1, EPOCH, 0);
    world_give_row(&f.w, 1, B, 3, 0);
    f.state.cursor[0].owner_epoch = EPOCH + 5;
    world_commit(&f.w);
    cr_assert_eq(f.w.released, 1);
    cr_assert(f.w.released_lost);
    cr_assert_eq(f.state.cursor[0].applied, 0);
    cr_assert_null(fake_score(&f.state, 0, HA_NOI));
    cr_assert_eq(counted(METRIC_ownership_lost), 1);
    uint64_t epoch, applied, committed;
    cr_assert_not(scorer_position(f.w.core, 0, &epoch, &applied, &committed));
    cr_assert(scorer_position(f.w.core, 1, &epoch, &applied, &committed));
}

Test(scorer_ownership, work_for_a_partition_that_is_not_held_is_answered_at_most_ten_times_a_second)
{
    struct buffer record = {0};
    record_begin(&record, RECORD_CONTROL, RECEIVED_MS, 3);
    world_give_to(&f.w, 5, EPOCH + 3, &record, 1, 0);
    world_give_to(&f.w, 5, EPOCH + 3, &record, 2, 10);
    cr_assert_eq(f.w.released, 1);
    cr_assert_eq(f.w.released_epoch, EPOCH + 3);
    cr_assert(f.w.released_lost);
    world_give_to(&f.w, 5, EPOCH + 3, &record, 3, 100000);
    cr_assert_eq(f.w.released, 2);
    cr_assert_eq(counted(METRIC_records_not_owned), 3);
    world_give_to(&f.w, FAKE_PARTITIONS, EPOCH, &record, 3, 100000);
    buffer_free(&record);
}

Test(scorer_ownership, duplicates_are_dropped_and_progress_is_said_again)
{
    world_give_row(&f.w, 1, B, 3, 0);
    world_tick(&f.w, INTERVAL_US);
    cr_assert_eq(f.w.progress, 1);
    world_give_row(&f.w, 1, B, 3, 0);
    cr_assert_eq(counted(METRIC_records_duplicate), 1);
    world_tick(&f.w, 2 * INTERVAL_US);
    cr_assert_eq(f.w.progress, 2, "it may have been lost");
    cr_assert_eq(f.w.progress_tallies, 1);
    cr_assert_eq(f.w.tally_scored, 1);
}

Test(scorer_ownership, a_progress_that_could_not_be_sent_is_sent_later_with_all_totals)
{
    f.w.coordinator_result = ERR_BUSY;
    world_give_row(&f.w, 1, B, 3, 0);
    world_commit(&f.w);
    cr_assert_eq(f.w.progress, 0);
    f.w.coordinator_result = OK;
    world_tick(&f.w, 1);
    cr_assert_eq(f.w.progress, 1);
    cr_assert_eq(f.w.progress_tallies, 1);
    cr_assert_eq(f.w.progress_applied, 1);
    world_tick(&f.w, 900000);
    cr_assert_eq(f.w.progress, 1);
}

Test(scorer_ownership, a_gap_is_reported_at_most_ten_times_a_second)
{
    struct buffer record = {0};
    world_give_row(&f.w, 1, B, 3, 0);
    record_begin(&record, RECORD_CONTROL, RECEIVED_MS, 3);
    world_give(&f.w, &record, 3, 0);
    world_give(&f.w, &record, 4, 99999);
    cr_assert_eq(f.w.gap, 1);
    cr_assert_eq(f.w.gap_applied, 1);
    world_give(&f.w, &record, 5, 100000);
    cr_assert_eq(f.w.gap, 2);
    cr_assert_eq(counted(METRIC_records_gap), 3);
    buffer_free(&record);
}

Test(scorer_ownership, a_record_that_overlaps_is_applied_from_where_we_are)
{
    struct buffer record = {0};
    struct draft d;
    world_give_row(&f.w, 1, B, 1, 0);
    draft_begin(&d);
    draft_row(&d, B, 2);
    record_begin(&record, RECORD_DATA, RECEIVED_MS, 3);
    for (uint64_t seq = 1; seq <= 3; seq++)
        draft_add(&d, &record, 0, HA_NOI, 7, seq);
    world_give(&f.w, &record, 1, 0);
    world_commit(&f.w);
    cr_assert_eq(f.state.cursor[0].applied, 3);
    cr_assert_eq(fake_tally(&f.state, 0, 7)->scored, 3);
    buffer_free(&record);
}

Test(scorer_ownership, an_idle_scorer_commits_at_once_and_a_busy_one_once_per_interval)
{
    int64_t now_us = 10 * INTERVAL_US;
    world_give_row(&f.w, 1, B, 3, 0);
    world_tick(&f.w, now_us);
    cr_assert_eq(f.state.commits, 1);
    world_give_row(&f.w, 2, B, 4, 0);
    cr_assert_eq(world_tick(&f.w, now_us + 1), now_us + INTERVAL_US);
    cr_assert_eq(f.state.commits, 1);
    world_tick(&f.w, now_us + INTERVAL_US);
    cr_assert_eq(f.state.commits, 2);
    world_tick(&f.w, now_us + 9 * INTERVAL_US);
    cr_assert_eq(f.state.commits, 2, "nothing to commit");
}

Test(scorer_ownership, the_publisher_hears_what_state_holds)
{
    world_give_row(&f.w, 1, B, 3, 0);
    world_tick(&f.w, INTERVAL_US);
    cr_assert_geq(f.w.committed, 1);
    cr_assert_eq(f.w.committed_pseq, 1);
    int said = f.w.committed;
    world_tick(&f.w, 1000000);
    cr_assert_eq(f.w.committed, said + 1, "with each heartbeat");
}

Test(scorer_ownership, a_commit_that_fails_keeps_everything_and_is_tried_again_later)
{
    f.state.fail_commit = ERR_FULL;
    world_give_row(&f.w, 1, B, 3, 0);
    int64_t deadline = world_tick(&f.w, INTERVAL_US);
    cr_assert_eq(counted(METRIC_state_commit_failures), 1);
    cr_assert_gt(deadline, INTERVAL_US);
    cr_assert_eq(f.w.progress, 0);
    world_tick(&f.w, INTERVAL_US + 1);
    cr_assert_eq(counted(METRIC_state_commit_failures), 1, "not at once");
    world_give_row(&f.w, 2, A1, 5, 0);
    f.state.fail_commit = OK;
    world_tick(&f.w, INTERVAL_US + 5000000);
    cr_assert_eq(f.state.cursor[0].applied, 2);
    cr_assert_eq(fake_points(&f.state, 0, HA_NOI)[0], 8000000);
}

Test(scorer_ownership, takes_in_no_more_than_it_may_hold_while_state_cannot_be_written)
{
    struct draft d;
    struct buffer record = {0};
    teardown();
    f = (struct fixture){0};
    world_setup_limited(&f.w, &f.state, 1);
    world_assign(&f.w, 0, EPOCH, 0);
    f.state.fail_commit = ERR_IO;
    for (uint64_t pseq = 1; pseq <= 4; pseq++) {
        draft_begin(&d);
        draft_row(&d, B, 2);
        draft_record(&d, &record, pseq % 2 ? HA_NOI : HA_NAM, 7, pseq);
        world_give(&f.w, &record, pseq, 0);
    }
    uint64_t epoch, applied, committed;
    scorer_position(f.w.core, 0, &epoch, &applied, &committed);
    cr_assert_eq(applied, 2);
    cr_assert_eq(counted(METRIC_records_refused), 1);
    cr_assert_eq(counted(METRIC_records_gap), 1);
    buffer_free(&record);
}

Test(scorer_ownership, a_new_term_or_who_are_you_means_commit_and_forget)
{
    for (int who = 0; who < 2; who++) {
        uint64_t epoch, applied, committed;
        teardown();
        setup();
        world_give_row(&f.w, 1, B, 3, 0);
        if (who)
            world_who_are_you(&f.w, 0);
        else
            world_welcome(&f.w, 2, 0);
        cr_assert_eq(f.state.cursor[0].applied, 1);
        cr_assert_not(scorer_position(f.w.core, 0, &epoch, &applied, &committed));
    }
}

Test(scorer_ownership, the_same_term_again_changes_nothing)
{
    uint64_t epoch, applied, committed;
    world_welcome(&f.w, 1, 0);
    cr_assert(scorer_position(f.w.core, 0, &epoch, &applied, &committed));
}

Test(scorer_ownership, leaving_is_done_when_every_partition_is_released)
{
    scorer_leave(f.w.core);
    cr_assert_eq(f.w.leave, 1);
    world_tick(&f.w, 0);
    cr_assert_eq(scorer_over(f.w.core, NULL), OK);
    world_release(&f.w, 0, EPOCH, 0);
    world_tick(&f.w, 0);
    cr_assert_eq(scorer_over(f.w.core, NULL), ERR_STOPPED);
}

Test(scorer_ownership, a_record_waits_for_the_controls_that_it_names)
{
    struct buffer record = {0};
    record_begin(&record, RECORD_CONTROL, RECEIVED_MS, 4);
    world_give(&f.w, &record, 1, 0);
    cr_assert_eq(counted(METRIC_records_refused), 1);
    struct page page;
    page_set_aside(&page, 4, 5, 6);
    world_control(&f.w, &page, 0);
    cr_assert_eq(f.w.gap, 1, "what was refused is asked for as soon as it can be taken");
    cr_assert_eq(f.w.gap_applied, 0);
    world_give(&f.w, &record, 1, 0);
    world_commit(&f.w);
    cr_assert_eq(f.state.cursor[0].applied, 1);
    buffer_free(&record);
}

Test(scorer_ownership, the_first_welcome_opens_the_state_of_its_journal)
{
    struct err_text e;
    cr_assert_eq(f.state.journal_id, JOURNAL);
    cr_assert_eq(scorer_over(f.w.core, &e), OK);
}

Test(scorer_ownership, a_state_that_cannot_be_opened_ends_the_process)
{
    struct fake_state state = {.fail_open = ERR_IO};
    struct world w;
    struct err_text e;
    world_setup(&w, &state);
    cr_assert_eq(scorer_over(w.core, &e), ERR_IO);
    cr_assert_str_eq(e.text, "disk");
    world_teardown(&w);
    fake_state_free(&state);
}

Test(scorer_ownership, what_could_not_be_read_is_counted_and_told)
{
    struct wire_message bad = {.err = ERR_INVALID, .why = "ToScorer: the envelope cannot be read"};
    scorer_receive(f.w.core, SCORER_VERDICTS, peer_unnamed(1), &bad, at(0));
    scorer_receive(f.w.core, SCORER_COORDINATOR, peer_unnamed(1), &bad, at(0));
    cr_assert_eq(f.w.troubles, 2);
    cr_assert_eq(counted(METRIC_messages_malformed), 2);
}
