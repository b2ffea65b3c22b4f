/* What was set aside is sent again (rule I19). */
#include "poison_world.h"

enum { OPERATOR = 4001 };

TestSuite(ingestor_retry, .init = poison_world_start, .fini = ingestor_world_stop);

static const Parbus__Retried *last_answer(void)
{
    for (size_t i = t.worker_count; i-- > 0;)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_RETRIED) {
            cr_assert_eq(t.to_worker[i].peer, OPERATOR);
            return (const Parbus__Retried *)t.to_worker[i].message;
        }
    return NULL;
}

static void ask(uint32_t partition, uint64_t pseq)
{
    Parbus__Retry m = PARBUS__RETRY__INIT;
    m.has_partition = m.has_pseq = 1;
    m.partition = partition;
    m.pseq = pseq;
    FROM_WORKER(OPERATOR, RETRY, m);
}

static const Parbus__Retried *retry(uint32_t partition, uint64_t pseq)
{
    ask(partition, pseq);
    tick(0);
    cr_assert_not_null(last_answer());
    return last_answer();
}

Test(ingestor_retry, a_retry_journals_the_entry_once_more_with_its_control)
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

Test(ingestor_retry, lag_counts_what_is_sent_again_as_a_submission)
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

Test(ingestor_retry, a_retry_is_refused_with_a_sentence_and_writes_nothing)
{
    cr_assert(strstr(retry(of, 2)->why, "not set aside"));
    cr_assert(strstr(retry(PARTITIONS, 2)->why, "not set aside"));
    kill_scorer_at(2, 3);
    t.disk_full = true;
    submit(6);
    tick(2);
    cr_assert(strstr(retry(of, 2)->why, "the disk is full"));
    cr_assert_eq(last_answer()->again_pseq, 0);
    t.disk_full = false;
    tick(300);
    cr_assert_neq(retry(of, 2)->again_pseq, 0);
    size_t before = t.journal_count;
    cr_assert(strstr(retry(of, 2)->why, "sent again already"));
    cr_assert_eq(t.journal_count, before);
}

Test(ingestor_retry, it_is_answered_when_it_is_in_the_journal_and_not_before)
{
    kill_scorer_at(2, 3);
    t.disk_silent = true;
    submit(6);
    tick(2);
    submit(7); /* before it */
    ask(of, 2);
    submit(8);
    tick(2);
    answer_append();
    cr_assert_null(last_answer(), "it is in the group behind");
    tick(2);
    t.result = ERR_IO; /* nobody knows */
    answer_append();
    cr_assert_null(last_answer());
    t.disk_silent = false;
    tick(300);
    cr_assert_not_null(last_answer());
    uint64_t again = last_answer()->again_pseq;
    cr_assert_eq(again, last_pseq(of) - 1, "the one that came after it is behind it");
    struct record_header header;
    for (size_t i = 0; i < t.journal_count; i++)
        if (t.journal[i].partition == of && t.journal[i].first_pseq == again) {
            memcpy(&header, t.journal[i].record, sizeof header);
            cr_assert_eq(header.kind, RECORD_RETRY);
        }
    memcpy(&header, t.journal[t.journal_count - 1].record, sizeof header);
    cr_assert_eq(header.control_seq, 2, "for it the control is in force");
    tick(2);
    cr_assert_eq(receipt(), 8);
}

Test(ingestor_retry, what_kills_again_is_set_aside_at_its_new_place_and_may_be_sent_once_more)
{
    kill_scorer_at(2, 3);
    uint64_t again = retry(of, 2)->again_pseq;
    answer_and_take(0);
    kill_scorer_at(again, 3);
    cr_assert_eq(t.control_count, 3);
    cr_assert_eq(set_aside(2)->pseq, again);
    cr_assert_gt(retry(of, again)->again_pseq, again);
    cr_assert_neq(catalog_set_aside(ingestor_catalog(t.core), of, again)->readmitted, 0);
}

Test(ingestor_retry, who_asks_again_meanwhile_is_answered_with_the_first_one)
{
    kill_scorer_at(2, 3);
    t.disk_silent = true;
    submit(6);
    tick(2);
    ask(of, 2);
    ask(of, 2);
    answer_append();
    tick(0);
    ask(of, 2);
    cr_assert_null(last_answer());
    t.disk_silent = false;
    answer_append();
    size_t answers = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_RETRIED) {
            answers++;
            cr_assert_eq(((const Parbus__Retried *)t.to_worker[i].message)->again_pseq, last_pseq(of));
        }
    cr_assert_eq(answers, 3);
    cr_assert_eq(t.control_count, 2, "it is journalled once");
    cr_assert_eq(counted(METRIC_records_readmitted), 1);
}
