/* Entries at which workers end again and again are set aside (rules I17, I18). */
#include "poison_world.h"

TestSuite(ingestor_poison, .init = poison_world_start, .fini = ingestor_world_stop);

static void beats(void)
{
    Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    FROM_WORKER(VALIDATOR_A, HEARTBEAT, beat);
}

static size_t works(void)
{
    size_t count;
    last_work(&count);
    return count;
}

/* Of the last Assign of the partition. */
static uint64_t owner_epoch(uint32_t partition)
{
    uint64_t epoch = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_ASSIGN &&
            ((const Parbus__Assign *)t.to_worker[i].message)->partition == partition)
            epoch = ((const Parbus__Assign *)t.to_worker[i].message)->owner_epoch;
    return epoch;
}

Test(ingestor_poison, after_three_workers_the_entry_is_set_aside_and_work_goes_on)
{
    kill_scorer_at(2, 2);
    cr_assert_eq(t.control_count, 0, "two are not enough");
    size_t before = works();
    cr_assert_gt(before, 5, "it is tried again");
    kill_scorer_at(2, 1);
    cr_assert_eq(t.control_count, 1);
    const Parbus__SetAside *s = set_aside(0);
    cr_assert_eq(s->partition, of);
    cr_assert_eq(s->pseq, 2);
    cr_assert_eq(s->tries, 3);
    cr_assert_str_eq(s->instance, "scorer-1");
    cr_assert_eq(counted(METRIC_records_set_aside), 1);
    cr_assert_gt(works(), before);
    const Parbus__Work *work = work_of(of, 2);
    cr_assert_eq(work->control_seq, 1, "whoever gets it must know");
    cr_assert_eq(work->owner_epoch, owner_epoch(of));
}

Test(ingestor_poison, a_validator_and_a_scorer_that_end_at_it_count_together)
{
    scorer_back(2, 3);
    answer_and_take(0);
    validator_back(2, 3);
    answer_and_take(0);
    validator_back(3, 3);
    answer_and_take(0);
    cr_assert_eq(t.control_count, 1);
    cr_assert_eq(set_aside(0)->pseq, 3);
    cr_assert_str_eq(set_aside(0)->instance, "validator-1");
}

Test(ingestor_poison, suspects_of_one_partition_do_not_reset_each_other)
{
    for (uint64_t i = 2; i <= 3; i++) {
        scorer_back(i, 2);
        answer_and_take(0);
        validator_back(i, 4);
        answer_and_take(0);
    }
    cr_assert_eq(t.control_count, 0);
    validator_back(4, 4);
    answer_and_take(0);
    cr_assert_eq(t.control_count, 1);
    cr_assert_eq(set_aside(0)->pseq, 4);
    scorer_back(4, 2);
    answer_and_take(0);
    cr_assert_eq(t.control_count, 2);
    cr_assert_eq(set_aside(1)->pseq, 2);
}

/* The same process may say hello again: after WhoAreYou, and after it was taken for dead. */
Test(ingestor_poison, one_process_counts_once)
{
    for (int i = 0; i < 9; i++) {
        scorer_back(2, 2);
        validator_back(3, 2);
        tick(i == 4 ? 2000 : 1);
        answer_questions(0);
    }
    cr_assert_eq(counted(METRIC_workers_lost) > 1, true, "it was taken for dead in between");
    cr_assert_eq(t.control_count, 0);
}

Test(ingestor_poison, a_late_hello_of_a_process_that_was_counted_counts_nothing)
{
    for (uint64_t round = 0; round < 3; round++)
        for (uint64_t incarnation = 2; incarnation <= 3; incarnation++) {
            scorer_back(incarnation, 2);
            answer_and_take(0);
        }
    cr_assert_eq(t.control_count, 0);
}

/* Nobody looks again at what is applied: it could not be set aside. */
Test(ingestor_poison, of_a_record_that_is_applied_in_part_the_rest_is_sent_again)
{
    uint64_t first = last_pseq(of) + 1;
    for (uint64_t seq = 6; seq <= 8; seq++)
        submit(seq);
    tick(2);
    const Parbus__Work *work = work_of(of, first);
    cr_assert_not_null(work);
    progress(work, SCORER_A, first);
    validator_back(2, first + 1);
    answer_and_take(first);
    work = work_of(of, first + 1);
    cr_assert_not_null(work);
    struct record_reader reader;
    struct record_entry entry;
    const uint8_t *body;
    cr_assert_eq(record_open(&reader, work->record.data, work->record.len, NULL), OK);
    cr_assert_eq(reader.header.count, 2);
    cr_assert_eq(reader.header.kind, RECORD_DATA);
    cr_assert(record_next(&reader, &entry, &body));
    cr_assert_eq(entry.seq, 7);
    cr_assert(record_next(&reader, &entry, &body));
    cr_assert_eq(entry.seq, 8);
}

Test(ingestor_poison, what_is_applied_or_not_there_is_nobody_to_suspect)
{
    size_t count;
    progress(last_work(&count), SCORER_A, 3);
    for (uint64_t i = 2; i < 8; i++) {
        validator_back(i, 3);
        tick(1);
    }
    for (uint64_t i = 12; i < 18; i++) {
        validator_back(i, last_pseq(of) + 1);
        tick(1);
    }
    back(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 7, PARTITIONS, 1);
    back(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 8, UINT32_MAX, 1);
    answer_and_take(0);
    cr_assert_eq(t.control_count, 0);
}

Test(ingestor_poison, an_entry_that_was_passed_meanwhile_is_not_set_aside)
{
    kill_scorer_at(2, 2);
    scorer_back(9, 2);
    size_t before = works();
    answer_and_take(2); /* the owner before it committed it after all */
    cr_assert_eq(t.control_count, 0);
    cr_assert_gt(works(), before, "and work goes on");
    kill_scorer_at(2, 3);
    cr_assert_eq(t.control_count, 0);
}

/* Verdicts that are under way must not be applied after the control. */
Test(ingestor_poison, a_scorer_that_lives_gets_a_new_epoch_before_anything_is_written_or_sent)
{
    for (uint64_t i = 2; i <= 3; i++) {
        validator_back(i, 2);
        answer_and_take(0);
    }
    uint64_t epoch = owner_epoch(of);
    size_t before = works();
    validator_back(4, 2);
    tick(1);
    cr_assert_gt(owner_epoch(of), epoch);
    cr_assert_eq(t.control_count, 0, "its scorer has not answered");
    for (int i = 0; i < 10; i++) {
        beats();
        tick(100);
    }
    cr_assert_eq(t.control_count, 0);
    cr_assert_eq(works(), before, "nothing of the partition is sent");
    answer_and_take(0);
    cr_assert_eq(t.control_count, 1);
    cr_assert_gt(works(), before);
}

Test(ingestor_poison, other_partitions_go_on_meanwhile)
{
    for (uint64_t i = 2; i <= 4; i++)
        validator_back(i, 2);
    tick(1);
    size_t before = works();
    static const char *const units[] = {"H01", "H02", "H03", "H04", "H06", "H07", "H08", "H09"};
    for (uint64_t i = 0; i < 8; i++)
        submit_to(6 + i, units[i]);
    tick(2);
    size_t count;
    cr_assert_neq(last_work(&count)->partition, of);
    cr_assert_gt(count, before);
}

Test(ingestor_poison, a_journal_that_refuses_keeps_the_partition_held_and_is_asked_again_now_and_then)
{
    kill_scorer_at(2, 2);
    t.disk_full = true;
    size_t before = works(), appends = t.appends;
    kill_scorer_at(2, 1);
    for (int i = 0; i < 40; i++) {
        beats();
        tick(50);
    }
    cr_assert_geq(t.appends - appends, 6);
    cr_assert_leq(t.appends - appends, 10, "not all the time");
    cr_assert_eq(works(), before);
    t.disk_full = false;
    beats();
    tick(1001);
    tick(1);
    cr_assert_eq(t.control_count, 1);
    cr_assert_gt(works(), before);
}

Test(ingestor_poison, two_that_are_condemned_are_both_set_aside_before_anything_is_sent)
{
    t.disk_full = true;
    kill_scorer_at(2, 3);
    kill_scorer_at(4, 3);
    size_t before = works();
    t.disk_full = false;
    beats();
    tick(1001);
    cr_assert_eq(t.control_count, 2);
    tick(1);
    cr_assert_gt(works(), before);
    size_t count;
    cr_assert_eq(last_work(&count)->control_seq, 2);
}

Test(ingestor_poison, what_is_set_aside_is_not_suspected_again)
{
    kill_scorer_at(2, 3);
    uint64_t epoch = owner_epoch(of);
    for (uint64_t i = 20; i < 26; i++)
        validator_back(i, 2);
    answer_and_take(0);
    cr_assert_eq(t.control_count, 1);
    cr_assert_eq(owner_epoch(of), epoch);
}

Test(ingestor_poison, more_suspects_than_the_table_holds_do_no_harm)
{
    for (uint64_t seq = 6; seq <= 400; seq++) {
        submit(seq);
        tick(2);
    }
    validator_back(5000, 350);
    validator_back(5001, 350);
    for (uint64_t pseq = 2; pseq < 340; pseq++)
        validator_back(pseq + 1000, pseq);
    validator_back(5002, 350);
    answer_and_take(0);
    cr_assert_eq(t.control_count, 1, "the most suspected one is kept");
    cr_assert_eq(set_aside(0)->pseq, 350);
}

Test(ingestor_poison, after_a_restart_the_journal_says_what_is_set_aside)
{
    kill_scorer_at(2, 3);
    ingestor_world_restore();
    cr_assert_not_null(catalog_set_aside(ingestor_catalog(t.core), of, 2));
    scorer_back(50, 2);
    validator_back(50, 2);
    answer_and_take(0);
    const Parbus__Work *work = work_of(of, 2);
    cr_assert_eq(work->control_seq, 1);
    cr_assert_eq(t.control_count, 1);
}
