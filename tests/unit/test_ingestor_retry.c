/* What was set aside is sent again (rule I19). */
#include "poison_world.h"

enum { OPERATOR = 4001 };

TestSuite(ingestor_retry, .init = poison_world_start, .fini = ingestor_world_stop);

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
    cr_assert(strstr(retry(of, 2)->why, "the disk is full"));
    cr_assert_eq(retry(of, 2)->again_pseq, 0);
    t.disk_full = false;
    cr_assert_neq(retry(of, 2)->again_pseq, 0);
    size_t before = t.journal_count;
    cr_assert(strstr(retry(of, 2)->why, "sent again already"));
    cr_assert_eq(t.journal_count, before);
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
