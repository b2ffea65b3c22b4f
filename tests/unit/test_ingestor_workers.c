/* The workers' side of the ingestor's core: ownership, windows, what is sent again (rules I1-I14). */
#include "ingestor_world.h"

TestSuite(ingestor_workers, .init = ingestor_world_start, .fini = ingestor_world_stop);

Test(ingestor_workers, without_workers_the_journal_takes_the_load)
{
    hello(1);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        submit(seq);
        tick(2);
    }
    cr_assert_eq(receipt(), 100);
    cr_assert_eq(ingestor_lag(t.core), 100);
}

Test(ingestor_workers, lag_counts_submissions_and_not_control_records)
{
    struct err_text e = {""};
    cr_assert_eq(publish_letters(&e), OK, "%s", e.text);
    tick(1);
    cr_assert_eq(t.journal_count, PARTITIONS, "the control is in every partition");
    cr_assert_eq(ingestor_lag(t.core), 0);
    hello(1);
    submit(1);
    tick(2);
    cr_assert_eq(ingestor_lag(t.core), 1);
    one_of_each();
    size_t count;
    const Parbus__Work *work = last_work(&count);
    progress(work, SCORER_A, 1);
    cr_assert_leq(ingestor_lag(t.core), 1);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (last_pseq(p) == 2) {
            Parbus__Work of = *work;
            of.partition = p;
            for (size_t i = 0; i < t.worker_count; i++)
                if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN &&
                    ((const Parbus__Assign *)t.to_worker[i].message)->partition == p)
                    of.owner_epoch = ((const Parbus__Assign *)t.to_worker[i].message)->owner_epoch;
            progress(&of, SCORER_A, 1);
            cr_assert_eq(ingestor_lag(t.core), 1);
            progress(&of, SCORER_A, 2);
        }
    cr_assert_eq(ingestor_lag(t.core), 0);
}

Test(ingestor_workers, a_record_goes_to_the_validator_and_progress_reaches_the_feeder)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count;
    const Parbus__Work *work = last_work(&count);
    cr_assert_eq(count, 1);
    cr_assert_eq(work->first_pseq, 1);
    cr_assert_str_eq(work->scorer, "ipc://somewhere");
    progress(work, SCORER_A, 1);
    tick(25);
    const Parbus__Scored *scored = (const Parbus__Scored *)last_to_feeder(PARBUS__TO_FEEDER__BODY_SCORED);
    cr_assert(scored && scored->scored == 1 && scored->accepted_rows == 1);
    cr_assert_eq(ingestor_lag(t.core), 0);
}

Test(ingestor_workers, the_window_bounds_what_is_out_and_progress_opens_it)
{
    t.settings.partition_window_bytes = 4096;
    ingestor_world_restart();
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 200; seq++) {
        submit(seq);
        tick(2);
    }
    size_t before, after;
    const Parbus__Work *work = last_work(&before);
    cr_assert_lt(before, 60);
    progress(work, SCORER_A, before);
    tick(1);
    last_work(&after);
    cr_assert_gt(after, before);
}

/* A commit that failed may be there, and may go with the next power cut: nothing behind it may know of it. */
Test(ingestor_workers, what_no_commit_has_confirmed_is_not_sent)
{
    hello(1);
    submit(1);
    tick(2);
    t.disk_lies = true;
    submit(2);
    tick(2);
    cr_assert_eq(t.journal_count, 2);
    one_of_each();
    size_t count;
    const Parbus__Work *work = last_work(&count);
    cr_assert_eq(count, 1);
    cr_assert_eq(work->first_pseq, 1);
    t.disk_lies = false;
    tick(300);
    cr_assert_eq(last_work(&count)->first_pseq, 2);
}

Test(ingestor_workers, lost_work_is_sent_again)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t before, after;
    last_work(&before);
    for (int i = 0; i < 6; i++) { /* the workers live, but the record got lost */
        Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
        FROM_WORKER(SCORER_A, HEARTBEAT, beat);
        FROM_WORKER(VALIDATOR_A, HEARTBEAT, beat);
        tick(250);
    }
    last_work(&after);
    cr_assert_eq(after, before + 1);
}

Test(ingestor_workers, a_gap_is_filled_from_the_journal)
{
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        submit(seq);
        tick(2);
    }
    size_t before, after;
    const Parbus__Work *work = last_work(&before);
    Parbus__Gap gap = PARBUS__GAP__INIT;
    gap.has_partition = gap.has_owner_epoch = gap.has_applied = 1;
    gap.partition = work->partition;
    gap.owner_epoch = work->owner_epoch;
    gap.applied = 1;
    FROM_WORKER(SCORER_A, GAP, gap);
    tick(1);
    last_work(&after);
    cr_assert_eq(after, before + 2);
}

Test(ingestor_workers, a_message_of_another_owner_epoch_is_ignored)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count;
    Parbus__Work work = *last_work(&count);
    work.owner_epoch--;
    progress(&work, SCORER_A, 1);
    cr_assert_eq(ingestor_lag(t.core), 1);
}

static unsigned owned_by_b(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        n += t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN && t.to_worker[i].peer == SCORER_B;
    return n;
}

Test(ingestor_workers, a_second_scorer_takes_only_its_share_and_after_a_release)
{
    one_of_each();
    join(SCORER_B, PARBUS__ROLE__ROLE_SCORER, "scorer-2", 1);
    tick(1);
    cr_assert_eq(owned_by_b(), 0, "nothing is assigned before the old owner released it");
    size_t releases = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        releases += t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_RELEASE;
    cr_assert(releases > 0 && releases < PARTITIONS);
    give_partitions();
    cr_assert_eq(owned_by_b(), releases);
}

/* A work of a partition that its owner is to release; NULL: none. */
static const Parbus__Work *work_to_release(void)
{
    for (size_t i = 0; i < t.worker_count; i++)
        for (size_t k = 0; t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_WORK && k < t.worker_count; k++) {
            const Parbus__Work *work = (const Parbus__Work *)t.to_worker[i].message;
            const Parbus__Release *release = (const Parbus__Release *)t.to_worker[k].message;
            if (t.to_worker[k].kind == PARBUS__TO_WORKER__BODY_RELEASE && release->partition == work->partition)
                return work;
        }
    return NULL;
}

static bool assigned_to_b(uint32_t partition)
{
    for (size_t i = 0; i < t.worker_count; i++)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN && t.to_worker[i].peer == SCORER_B &&
            ((const Parbus__Assign *)t.to_worker[i].message)->partition == partition)
            return true;
    return false;
}

static void beat_from_all(void)
{
    Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    FROM_WORKER(SCORER_B, HEARTBEAT, beat);
    FROM_WORKER(VALIDATOR_A, HEARTBEAT, beat);
}

/* I6 */
Test(ingestor_workers, who_goes_on_committing_does_not_put_off_the_end_of_a_release)
{
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 8 * PARTITIONS; seq++) {
        char unit[16];
        snprintf(unit, sizeof unit, "unit %u", (unsigned)(seq % PARTITIONS));
        submit_to(seq, unit);
        tick(2);
    }
    join(SCORER_B, PARBUS__ROLE__ROLE_SCORER, "scorer-2", 1);
    tick(1);
    const Parbus__Work *work = work_to_release();
    cr_assert(work && last_pseq(work->partition) >= 3);
    for (uint64_t applied = 1; applied <= 3; applied++) { /* three times, 700 ms apart: beyond release_timeout_ms */
        progress(work, SCORER_A, applied);
        tick(700);
        beat_from_all();
    }
    tick(1);
    cr_assert(assigned_to_b(work->partition));
}

Test(ingestor_workers, a_silent_scorer_is_replaced_with_a_greater_epoch)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count;
    uint64_t epoch = last_work(&count)->owner_epoch;
    join(SCORER_B, PARBUS__ROLE__ROLE_SCORER, "scorer-2", 1);
    for (int i = 0; i < 12; i++) {
        Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
        FROM_WORKER(SCORER_B, HEARTBEAT, beat);
        FROM_WORKER(VALIDATOR_A, HEARTBEAT, beat);
        tick(250);
        answer_questions(0);
    }
    tick(1);
    const Parbus__Work *work = last_work(&count);
    cr_assert_gt(work->owner_epoch, epoch);
    Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    cr_assert_eq(t.to_worker[t.worker_count - 1].kind, PARBUS__TO_WORKER__BODY_WHO_ARE_YOU);
}

Test(ingestor_workers, a_validator_that_restarts_gets_the_unapplied_records_again)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t before, after;
    last_work(&before);
    join(VALIDATOR_B, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 2);
    tick(1);
    last_work(&after);
    cr_assert_eq(after, before + 1);
    cr_assert_eq(t.to_worker[t.worker_count - 1].peer, VALIDATOR_B);
}

/* ---- what was lost on the way ---- */

static size_t assigns(void)
{
    size_t n = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        n += t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN;
    return n;
}

/* The tallies of the lost one may not come again (I13). */
Test(ingestor_workers, a_progress_that_was_lost_makes_the_scorer_say_all_tallies)
{
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count, before = assigns();
    const Parbus__Work *work = last_work(&count);
    Parbus__Progress m = PARBUS__PROGRESS__INIT;
    m.has_partition = m.has_owner_epoch = m.has_applied = m.has_serial = 1;
    m.partition = work->partition;
    m.owner_epoch = work->owner_epoch;
    m.applied = 1;
    m.serial = 1;
    FROM_WORKER(SCORER_A, PROGRESS, m);
    tick(250);
    cr_assert_eq(assigns(), before);
    m.serial = 3;
    FROM_WORKER(SCORER_A, PROGRESS, m);
    tick(250);
    cr_assert_eq(assigns(), before + 1);
}

/* It forgot them when it was told WhoAreYou (I2). */
Test(ingestor_workers, partitions_that_a_scorer_does_not_name_are_given_to_it_again)
{
    one_of_each();
    size_t before = assigns();
    uint32_t all[PARTITIONS];
    for (uint32_t p = 0; p < PARTITIONS; p++)
        all[p] = p;
    Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
    beat.n_owned = PARTITIONS;
    beat.owned = all;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    tick(250);
    cr_assert_eq(assigns(), before);
    beat.n_owned--;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    tick(250);
    cr_assert_eq(assigns(), before + 1);
}

/* ---- totals ---- */

static const Parbus__Scored *say_tally(const Parbus__Work *work, uint64_t accepted, uint64_t rejected)
{
    Parbus__Tally tally = PARBUS__TALLY__INIT;
    Parbus__Tally *tallies[] = {&tally};
    tally.has_feeder = tally.has_epoch = tally.has_scored = tally.has_accepted_rows = tally.has_rejected_rows = 1;
    tally.feeder = tally.epoch = tally.scored = 1;
    tally.accepted_rows = accepted;
    tally.rejected_rows = rejected;
    Parbus__Progress m = PARBUS__PROGRESS__INIT;
    m.has_partition = m.has_owner_epoch = m.has_applied = m.applied = 1;
    m.partition = work->partition;
    m.owner_epoch = work->owner_epoch;
    m.n_tally = 1;
    m.tally = tallies;
    FROM_WORKER(SCORER_A, PROGRESS, m);
    tick(25);
    return (const Parbus__Scored *)last_to_feeder(PARBUS__TO_FEEDER__BODY_SCORED);
}

/* What is sent again counts rows, and no submission (I13, I19). */
Test(ingestor_workers, more_rows_of_as_many_submissions_are_newer)
{
    size_t count;
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    const Parbus__Work *work = last_work(&count);
    cr_assert_eq(say_tally(work, 4, 1)->accepted_rows, 4);
    cr_assert_eq(say_tally(work, 5, 1)->accepted_rows, 5);
    const Parbus__Scored *late = say_tally(work, 4, 1);
    cr_assert(late->scored == 1 && late->accepted_rows == 5 && late->rejected_rows == 1);
}
