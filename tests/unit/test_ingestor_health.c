/* What the ingestor's core knows of partitions that stand still, workers that end in a loop, and entries that are set
 * aside: it is all in StatsReply (rule D13). */
#include "ingestor_world.h"
#include "services/ingestor/standstill.h"
#include <stdlib.h>

enum { OPERATOR = 4001 };

static uint32_t of; /* the partition of what was submitted */

static void start(void)
{
    ingestor_world_start();
    one_of_each();
    hello(1);
    submit(1);
    tick(2);
    size_t count;
    of = last_work(&count)->partition;
}

TestSuite(ingestor_health, .init = start, .fini = ingestor_world_stop);

static const Parbus__StatsReply *stats(void)
{
    Parbus__Stats m = PARBUS__STATS__INIT;
    FROM_FEEDER(STATS, m);
    return (const Parbus__StatsReply *)last_to_feeder(PARBUS__TO_FEEDER__BODY_STATS);
}

static void beat(uint64_t peer, const char *trouble)
{
    Parbus__Heartbeat m = PARBUS__HEARTBEAT__INIT;
    uint32_t owned[PARTITIONS];
    for (uint32_t p = 0; p < PARTITIONS; p++)
        owned[m.n_owned++] = p;
    m.owned = owned;
    m.trouble = (char *)trouble;
    FROM_WORKER(peer, HEARTBEAT, m);
}

/* Time in which the workers live and nobody applies anything. */
static void wait_with(int64_t ms, const char *trouble)
{
    for (int64_t at = 0; at < ms; at += 50) {
        beat(SCORER_A, trouble);
        beat(VALIDATOR_A, NULL);
        tick(50);
    }
}

static void wait(int64_t ms) { wait_with(ms, NULL); }

static uint64_t standstill_ms(uint32_t partition) { return stats()->partition[partition]->standstill_ms; }

static void flip_a_bit(void)
{
    for (size_t i = 0; i < t.journal_count; i++)
        if (t.journal[i].partition == of)
            t.journal[i].record[t.journal[i].bytes - 9] ^= 4;
}

static uint64_t standing(void)
{
    uint64_t count = 0;
    const Parbus__StatsReply *r = stats();
    for (size_t p = 0; p < r->n_partition; p++)
        count += r->partition[p]->has_standstill_ms;
    return count;
}

static void apply(uint64_t applied)
{
    size_t count;
    progress(last_work(&count), SCORER_A, applied);
}

/* ---- standing still ---- */

Test(ingestor_health, a_partition_that_applies_nothing_stands_still_until_it_does)
{
    wait(9900);
    cr_assert_eq(standing(), 0);
    wait(400);
    cr_assert_eq(standing(), 1, "no other one");
    cr_assert_geq(standstill_ms(of), 10200);
    wait(2000);
    cr_assert_geq(standstill_ms(of), 12200, "since it could have");
    apply(1);
    tick(1);
    cr_assert_eq(standing(), 0, "by itself");
    wait(60000);
    cr_assert_eq(standing(), 0, "nothing waits");
}

Test(ingestor_health, what_cannot_be_read_is_waited_for_as_well)
{
    apply(1);
    t.disk_unreadable = true;
    submit(2);
    wait(10500);
    cr_assert_eq(standing(), 1);
    t.disk_unreadable = false;
    tick(50);
    apply(2);
    tick(1);
    cr_assert_eq(standing(), 0);
}

Test(ingestor_health, a_slow_partition_moves)
{
    for (uint64_t seq = 2; seq <= 6; seq++)
        submit(seq);
    tick(1);
    for (uint64_t applied = 1; applied <= 5; applied++) {
        wait(9000);
        cr_assert_eq(standing(), 0);
        apply(applied);
    }
}

/* Health says these things in sentences of their own. */
Test(ingestor_health, a_scorer_in_trouble_is_the_cause_itself)
{
    wait_with(20000, "no space left on the disk");
    cr_assert_eq(standing(), 0);
    wait(9900);
    cr_assert_eq(standing(), 0, "then it has all its time");
    wait(500);
    cr_assert_eq(standing(), 1);
}

Test(ingestor_health, without_a_scorer_or_a_validator_nobody_can_apply)
{
    for (int64_t ms = 0; ms < 20000; ms += 50) {
        beat(SCORER_A, NULL);
        tick(50);
    }
    cr_assert_eq(standing(), 0, "the validator is dead");
    join(VALIDATOR_A, PARBUS__ROLE__ROLE_VALIDATOR, "validator-1", 2);
    for (int64_t ms = 0; ms < 20000; ms += 50) {
        beat(VALIDATOR_A, NULL);
        tick(50);
    }
    cr_assert_eq(standing(), 0, "the scorer is dead");
}

/* Of another partition, the same record as of this one. */
static void journal_twin(uint32_t other)
{
    const struct stored *record = &t.journal[0];
    uint8_t *twin = malloc(record->bytes);
    memcpy(twin, record->record, record->bytes);
    t.journal[t.journal_count++] = (struct stored){other, 1, twin, record->bytes};
}

/* The scorer's window holds one record at a time. */
static void start_with_two(uint32_t other)
{
    journal_twin(other);
    t.settings.scorer_window_bytes = 1;
    t.settings.resend_after_ms = 60000;
    ingestor_world_restart();
    ingestor_restore_partition(t.core, of, 1, (struct ingestor_followed){0}, NULL);
    ingestor_restore_partition(t.core, other, 1, (struct ingestor_followed){0}, NULL);
    one_of_each();
}

Test(ingestor_health, a_partition_that_waits_its_turn_does_not_stand_still)
{
    uint32_t other = (of + 1) % PARTITIONS;
    start_with_two(other);
    size_t count;
    const Parbus__Work *work = last_work(&count);
    uint32_t first = work->partition, second = first == of ? other : of;
    int64_t patience_ms = standstill_patience_us(&t.settings) / 1000;
    wait(patience_ms + 500);
    cr_assert(standing() == 1 && standstill_ms(first));
    progress(work, SCORER_A, 1);
    wait(t.settings.resend_after_ms);
    cr_assert_eq(standing(), 0, "the other had its turn later");
    wait(patience_ms);
    cr_assert(standing() == 1 && standstill_ms(second));
}

static size_t works_of(uint32_t partition)
{
    size_t count = 0;
    for (size_t i = 0; i < t.worker_count; i++)
        count += t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_WORK &&
                 ((const Parbus__Work *)t.to_worker[i].message)->partition == partition;
    return count;
}

Test(ingestor_health, what_does_not_move_leaves_its_scorers_window_to_what_does)
{
    uint32_t other = (of + 1) % PARTITIONS;
    start_with_two(other);
    t.settings.resend_after_ms = 100;
    ingestor_world_restart();
    ingestor_restore_partition(t.core, of, 1, (struct ingestor_followed){0}, NULL);
    ingestor_restore_partition(t.core, other, 1, (struct ingestor_followed){0}, NULL);
    one_of_each();
    wait(10000);
    size_t one = works_of(of), two = works_of(other);
    cr_assert(one >= 3 && two >= 3, "%zu and %zu", one, two);
}

/* Workers fall one after the other, each only for moments: somebody always has the partition, and nobody applies. */
Test(ingestor_health, hands_that_change_are_no_progress)
{
    for (uint64_t incarnation = 2; incarnation < 14; incarnation++) {
        join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", incarnation);
        tick(1);
        answer_questions(0);
        wait(1000);
    }
    cr_assert_eq(standing(), 1);
}

Test(ingestor_health, an_ingestor_that_was_away_blames_nobody)
{
    wait(2000);
    t.now.mono_us += 60000000;
    wait(100);
    one_of_each();
    cr_assert_eq(standing(), 0);
}

/* ---- ending again and again ---- */

static uint32_t ended(const char *instance)
{
    const Parbus__StatsReply *r = stats();
    for (size_t w = 0; w < r->n_worker; w++)
        if (strcmp(r->worker[w]->instance, instance) == 0)
            return r->worker[w]->ended;
    return UINT32_MAX;
}

Test(ingestor_health, a_worker_that_comes_back_as_another_process_has_ended)
{
    cr_assert_eq(ended("scorer-1"), 0);
    for (uint64_t incarnation = 2; incarnation <= 8; incarnation++) {
        join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", incarnation);
        join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", incarnation); /* its hello comes twice */
        tick(10);
    }
    cr_assert_eq(ended("scorer-1"), 7);
    cr_assert_eq(ended("validator-1"), 0);
    wait(61000);
    cr_assert_eq(ended("scorer-1"), 0, "it was more than a minute ago");
}

Test(ingestor_health, who_was_silent_or_said_leave_has_not_ended)
{
    tick(2000);
    cr_assert_str_eq(stats()->worker[0]->state, "dead");
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 1);
    cr_assert_eq(ended("scorer-1"), 0, "it is the same process");
    Parbus__Leave leave = PARBUS__LEAVE__INIT;
    FROM_WORKER(SCORER_A, LEAVE, leave);
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 2);
    cr_assert_eq(ended("scorer-1"), 0, "it went in good order");
    tick(2000);
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 3);
    cr_assert_eq(ended("scorer-1"), 1, "it was dead for a while before it came back");
}

/* ---- set aside ---- */

static void kill_at(uint64_t pseq)
{
    static uint64_t incarnation = 100;
    for (int i = 0; i < 3; i++) {
        Parbus__Unfinished at = PARBUS__UNFINISHED__INIT;
        at.has_partition = at.has_pseq = 1;
        at.partition = of;
        at.pseq = pseq;
        Parbus__WorkerHello m = PARBUS__WORKER_HELLO__INIT;
        m.has_protocol_version = m.has_role = m.has_incarnation = 1;
        m.protocol_version = 1;
        m.role = PARBUS__ROLE__ROLE_SCORER;
        m.instance = "scorer-1";
        m.endpoint = "ipc://somewhere";
        m.incarnation = ++incarnation;
        m.unfinished = &at;
        m.has_control_seq = 1;
        m.control_seq = t.control_count;
        FROM_WORKER(SCORER_A, HELLO, m);
        give_partitions();
    }
}

static uint64_t retry(uint64_t pseq)
{
    Parbus__Retry m = PARBUS__RETRY__INIT;
    m.has_partition = m.has_pseq = 1;
    m.partition = of;
    m.pseq = pseq;
    FROM_WORKER(OPERATOR, RETRY, m);
    tick(0);
    for (size_t i = t.worker_count; i-- > 0;)
        if (t.to_worker[i].kind == PARBUS__TO_WORKER__BODY_RETRIED)
            return ((const Parbus__Retried *)t.to_worker[i].message)->again_pseq;
    return 0;
}

static void check_newest(uint64_t count, uint64_t pseq, const char *feeder)
{
    const Parbus__SetAsideStats *s = stats()->set_aside;
    cr_assert(s && s->count == count && s->partition == of && s->pseq == pseq && s->tries == 3);
    cr_assert_str_eq(s->feeder, feeder);
    cr_assert_str_eq(s->instance, "scorer-1");
}

Test(ingestor_health, what_is_set_aside_is_told_until_it_is_sent_again)
{
    submit(2);
    tick(2);
    cr_assert_null(stats()->set_aside);
    kill_at(2);
    check_newest(1, 2, "ha-noi");
    kill_at(1);
    check_newest(2, 1, "ha-noi");
    uint64_t again = retry(1);
    check_newest(1, 2, "ha-noi");
    cr_assert_neq(retry(2), 0);
    cr_assert_null(stats()->set_aside);
    give_partitions();
    kill_at(again);
    check_newest(1, again, "ha-noi");
}

Test(ingestor_health, an_ingestor_that_starts_reads_it_in_the_journal)
{
    submit(2);
    tick(2);
    kill_at(1);
    kill_at(2);
    retry(2);
    ingestor_world_restore();
    check_newest(1, 1, "ha-noi");
    t.mark[1] = (struct journal_feeder){0};
    ingestor_world_restore();
    check_newest(1, 1, "");
}

Test(ingestor_health, a_damaged_record_stops_its_partition_alone_and_is_named)
{
    flip_a_bit();
    wait(3000); /* it is sent again */
    const Parbus__StatsReply *r = stats();
    for (size_t p = 0; p < r->n_partition; p++)
        cr_expect_eq(r->partition[p]->damage && *r->partition[p]->damage, p == of, "partition %zu", p);
    cr_assert(strstr(r->partition[of]->damage, "pseq 1"), "%s", r->partition[of]->damage);
    wait(60000);
    cr_assert_eq(standing(), 0, "it is told once, by its cause");
    cr_assert_eq(stats()->n_counter > 0 && stats()->set_aside == NULL, true, "nobody is to blame");
}

Test(ingestor_health, so_does_one_that_is_missing)
{
    for (size_t i = 0; i < t.journal_count; i++)
        if (t.journal[i].partition == of)
            t.journal[i].partition = UINT32_MAX;
    wait(3000); /* it is sent again */
    const Parbus__StatsReply *r = stats();
    cr_assert(r->partition[of]->damage && strstr(r->partition[of]->damage, "no record holds pseq 1"), "%s",
              r->partition[of]->damage);
}

Test(ingestor_health, a_record_that_can_be_read_again_goes_out)
{
    size_t before, after;
    flip_a_bit();
    wait(3000);
    last_work(&before);
    flip_a_bit();
    wait(1100);
    last_work(&after);
    cr_assert_gt(after, before);
    cr_assert_not(stats()->partition[of]->damage && *stats()->partition[of]->damage);
}

Test(ingestor_health, a_damaged_record_that_was_applied_before_is_not_told_any_more)
{
    size_t count;
    flip_a_bit();
    wait(3000);
    cr_assert(stats()->partition[of]->damage && *stats()->partition[of]->damage);
    progress(last_work(&count), SCORER_A, last_pseq(of)); /* it was on its way when the bit flipped */
    tick(1);
    cr_assert_not(stats()->partition[of]->damage && *stats()->partition[of]->damage);
}

/* A copy that is put back loses what came since in all partitions: to refuse it in one would save nothing, and hold up
 * all that its feeders send behind it. */
Test(ingestor_health, a_damaged_partition_still_takes_submissions_and_applies_them_when_it_can_be_read_again)
{
    size_t count, appends = t.appends;
    uint64_t last = last_pseq(of);
    flip_a_bit();
    wait(3000);
    cr_assert(*stats()->partition[of]->damage);
    submit(receipt() + 1);
    tick(2);
    cr_assert_eq(t.appends, appends + 1);
    cr_assert_eq(last_pseq(of), last + 1, "it is for the same unit");
    t.journal[t.journal_count - 1].partition = UINT32_MAX; /* the new one stays whole */
    flip_a_bit();
    t.journal[t.journal_count - 1].partition = of;
    wait(2000);
    cr_assert_eq(last_work(&count)->first_pseq, last + 1);
}
