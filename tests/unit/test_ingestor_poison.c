/* Entries at which workers end again and again, and what is sent again (rules I17 to I19). */
#include "ingestor_world.h"

enum { OPERATOR = 4001 };

static uint32_t of; /* the partition of what was submitted */

/* One of each worker, and five submissions of one partition on their way. */
static void start(void)
{
    ingestor_world_start();
    one_of_each();
    hello(1);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        submit(seq);
        tick(2);
    }
    size_t count;
    of = last_work(&count)->partition;
}

TestSuite(ingestor_poison, .init = start, .fini = ingestor_world_stop);

static uint64_t counted(enum metric m) { return ingestor_metrics(t.core)->value[m]; }

/* A new process of this name, whose predecessor ended at pseq. */
static void back(uint64_t peer, Parbus__Role role, const char *instance, uint64_t incarnation, uint32_t partition,
                 uint64_t pseq)
{
    Parbus__Unfinished unfinished = PARBUS__UNFINISHED__INIT;
    unfinished.has_partition = unfinished.has_pseq = 1;
    unfinished.partition = partition;
    unfinished.pseq = pseq;
    Parbus__WorkerHello m = PARBUS__WORKER_HELLO__INIT;
    m.has_protocol_version = m.has_role = m.has_incarnation = 1;
    m.protocol_version = 1;
    m.role = role;
    m.instance = (char *)instance;
    m.endpoint = role == PARBUS__ROLE__ROLE_SCORER ? "ipc://somewhere" : NULL;
    m.incarnation = incarnation;
    m.unfinished = &unfinished;
    FROM_WORKER(peer, HELLO, m);
}

static void scorer_back(uint64_t incarnation, uint64_t pseq)
{
    back(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", incarnation, of, pseq);
}

static void validator_back(uint64_t incarnation, uint64_t pseq)
{
    back(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", incarnation, of, pseq);
}

static void beats(void)
{
    Parbus__Heartbeat beat = PARBUS__HEARTBEAT__INIT;
    FROM_WORKER(SCORER_A, HEARTBEAT, beat);
    FROM_WORKER(VALIDATOR_A, HEARTBEAT, beat);
}

/* Time for hand-overs; the scorer answers that it has applied so much of each partition. */
static void answer_and_settle(uint64_t applied)
{
    for (int i = 0; i < 4; i++) {
        tick(1);
        answer_questions(applied);
    }
    tick(1);
}

static const Parbus__SetAside *set_aside(size_t control)
{
    static Parbus__Control *kept;
    if (kept)
        parbus__control__free_unpacked(kept, NULL);
    kept = parbus__control__unpack(NULL, t.control[control].size, t.control[control].data);
    cr_assert(kept && kept->body_case == PARBUS__CONTROL__BODY_SET_ASIDE);
    return kept->set_aside;
}

static size_t works(void)
{
    size_t count;
    last_work(&count);
    return count;
}

/* The last one of the partition that begins at first_pseq; 0: anywhere. */
static const Parbus__Work *work_of(uint32_t partition, uint64_t first_pseq)
{
    const Parbus__Work *last = NULL;
    for (size_t i = 0; i < t.worker_count; i++)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_WORK &&
            ((const Parbus__Work *)t.to_worker[i].message)->partition == partition &&
            (!first_pseq || ((const Parbus__Work *)t.to_worker[i].message)->first_pseq == first_pseq))
            last = (const Parbus__Work *)t.to_worker[i].message;
    return last;
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

static void kill_scorer_at(uint64_t pseq, uint64_t times)
{
    static uint64_t incarnation = 100;
    for (uint64_t i = 0; i < times; i++) {
        scorer_back(++incarnation, pseq);
        answer_and_settle(0);
    }
}

static const Parbus__Retried *retry(uint32_t partition, uint64_t pseq)
{
    Parbus__Retry m = PARBUS__RETRY__INIT;
    m.has_partition = m.has_pseq = 1;
    m.partition = partition;
    m.pseq = pseq;
    FROM_WORKER(OPERATOR, RETRY, m);
    const struct sent *last = &t.to_worker[t.worker_count - 1];
    cr_assert_eq(last->peer, OPERATOR);
    cr_assert_eq(last->kind, PARBUS__TO_WORKER__BODY_RETRIED);
    return (const Parbus__Retried *)last->message;
}

/* ---- setting aside ---- */

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
    answer_and_settle(0);
    validator_back(2, 3);
    answer_and_settle(0);
    validator_back(3, 3);
    answer_and_settle(0);
    cr_assert_eq(t.control_count, 1);
    cr_assert_eq(set_aside(0)->pseq, 3);
    cr_assert_str_eq(set_aside(0)->instance, "validator-1");
}

Test(ingestor_poison, suspects_of_one_partition_do_not_reset_each_other)
{
    for (uint64_t i = 2; i <= 3; i++) {
        scorer_back(i, 2);
        answer_and_settle(0);
        validator_back(i, 4);
        answer_and_settle(0);
    }
    cr_assert_eq(t.control_count, 0);
    validator_back(4, 4);
    answer_and_settle(0);
    cr_assert_eq(t.control_count, 1);
    cr_assert_eq(set_aside(0)->pseq, 4);
    scorer_back(4, 2);
    answer_and_settle(0);
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
            answer_and_settle(0);
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
    answer_and_settle(first);
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
    answer_and_settle(0);
    cr_assert_eq(t.control_count, 0);
}

Test(ingestor_poison, an_entry_that_was_passed_meanwhile_is_not_set_aside)
{
    kill_scorer_at(2, 2);
    scorer_back(9, 2);
    size_t before = works();
    answer_and_settle(2); /* the owner before it committed it after all */
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
        answer_and_settle(0);
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
    answer_and_settle(0);
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
    cr_assert_geq(t.appends - appends, 2);
    cr_assert_leq(t.appends - appends, 4, "not all the time");
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
    answer_and_settle(0);
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
    answer_and_settle(0);
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
    answer_and_settle(0);
    const Parbus__Work *work = work_of(of, 2);
    cr_assert_eq(work->control_seq, 1);
    cr_assert_eq(t.control_count, 1);
}

/* ---- sending again ---- */

Test(ingestor_poison, a_retry_journals_the_entry_once_more_with_its_control)
{
    kill_scorer_at(2, 3);
    t.now.wall_ms += 5000;
    uint64_t again = last_pseq(of) + 1;
    const Parbus__Retried *answer = retry(of, 2);
    cr_assert_eq(answer->again_pseq, again, "%s", answer->why);
    cr_assert_eq(counted(METRIC_records_readmitted), 1);
    cr_assert_eq(t.control_count, 2);
    const struct stored *first = NULL, *second = NULL;
    for (size_t i = 0; i < t.journal_count; i++) {
        if (t.journal[i].partition == of && t.journal[i].first_pseq == 2)
            first = &t.journal[i];
        if (t.journal[i].partition == of && t.journal[i].first_pseq == again)
            second = &t.journal[i];
    }
    cr_assert(first && second);
    cr_assert_eq(first->bytes, second->bytes);
    cr_assert_eq(memcmp(first->record + RECORD_HEADER_BYTES, second->record + RECORD_HEADER_BYTES,
                        first->bytes - RECORD_HEADER_BYTES),
                 0, "feeder, epoch, seq, series, unit and body are what they were");
    struct record_header was, is;
    memcpy(&was, first->record, sizeof was);
    memcpy(&is, second->record, sizeof is);
    cr_assert_eq(is.kind, RECORD_RETRY);
    cr_assert_eq(is.received_ms, was.received_ms);
    cr_assert_eq(is.control_seq, 2);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        cr_assert_eq(last_pseq(p), p == of ? again : 2, "the control is in every partition");
}

Test(ingestor_poison, lag_counts_what_is_sent_again_as_a_submission)
{
    kill_scorer_at(2, 3);
    const Parbus__Work *work = work_of(of, 0);
    cr_assert_eq(ingestor_lag(t.core), 5);
    retry(of, 2);
    cr_assert_eq(ingestor_lag(t.core), 6);
    progress(work, SCORER_A, last_pseq(of) - 1);
    cr_assert_eq(ingestor_lag(t.core), 1);
    progress(work, SCORER_A, last_pseq(of));
    cr_assert_eq(ingestor_lag(t.core), 0, "though the controls of the others are not applied");
}

Test(ingestor_poison, a_retry_is_refused_with_a_sentence_and_writes_nothing)
{
    cr_assert(strstr(retry(of, 2)->why, "not set aside"));
    cr_assert(strstr(retry(PARTITIONS, 2)->why, "not set aside"));
    kill_scorer_at(2, 3);
    t.disk_full = true;
    cr_assert(strstr(retry(of, 2)->why, "the disk is full"));
    cr_assert_eq(retry(of, 2)->again_pseq, 0);
    t.disk_full = false;
    cr_assert_neq(retry(of, 2)->again_pseq, 0);
    size_t before = t.journal_count;
    cr_assert(strstr(retry(of, 2)->why, "sent again already"));
    cr_assert_eq(t.journal_count, before);
}

Test(ingestor_poison, what_kills_again_is_set_aside_at_its_new_place_and_may_be_sent_once_more)
{
    kill_scorer_at(2, 3);
    uint64_t again = retry(of, 2)->again_pseq;
    answer_and_settle(0);
    kill_scorer_at(again, 3);
    cr_assert_eq(t.control_count, 3);
    cr_assert_eq(set_aside(2)->pseq, again);
    cr_assert_gt(retry(of, again)->again_pseq, again);
    cr_assert_neq(catalog_set_aside(ingestor_catalog(t.core), of, again)->readmitted, 0);
}
