/* Submissions come first, and each has its share (rules D5c, D14c, D20). */
#include "ingestor_world.h"
#include <stdio.h>

TestSuite(ingestor_fair, .init = ingestor_world_start, .fini = ingestor_world_stop);

static void ask_stats(uint64_t peer)
{
    Parbus__Stats m = PARBUS__STATS__INIT;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_STATS, &m.base);
}

static void restart_with(int64_t submissions_per_s, int64_t bytes_per_s)
{
    t.settings.feeder_submissions_per_s = submissions_per_s;
    t.settings.feeder_bytes_per_s = bytes_per_s;
    ingestor_world_restart();
    hello(1);
}

Test(ingestor_fair, who_asks_without_end_is_refused_then_unheard_then_cut)
{
    for (int i = 0; i < 100; i++)
        ask_stats(5);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_STATS), 100);
    ask_stats(5);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_BUSY && r->seq == 0 && r->retry_after_ms > 0);
    size_t said = t.feeder_count;
    for (int i = 0; i < 99; i++)
        ask_stats(5);
    cr_assert_eq(t.feeder_count, said, "one refusal is enough");
    cr_assert_eq(t.cut, 0);
    ask_stats(5);
    cr_assert_eq(t.cut, 5);
}

Test(ingestor_fair, submissions_are_taken_whatever_others_ask)
{
    hello(1);
    for (uint64_t seq = 1; seq <= 500; seq++) {
        ask_stats(5);
        submit(seq);
    }
    tick(1);
    cr_assert_eq(receipt(), 500);
}

Test(ingestor_fair, hellos_are_questions_too)
{
    for (int i = 0; i < 101; i++)
        hello(1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 100);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_BUSY);
}

Test(ingestor_fair, a_feeder_s_rate_is_bounded_and_it_is_told_from_where_to_send_again)
{
    restart_with(10, 0);
    for (uint64_t seq = 1; seq <= 12; seq++)
        submit(seq);
    tick(1);
    cr_assert_eq(receipt(), 10);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_BUSY && r->seq == 11);
    tick(r->retry_after_ms);
    submit(11);
    tick(1);
    cr_assert_eq(receipt(), 11);
}

Test(ingestor_fair, a_feeder_s_bytes_are_bounded)
{
    restart_with(0, 100);
    for (uint64_t seq = 1; seq <= 10; seq++)
        submit(seq);
    tick(1);
    cr_assert(receipt() >= 1 && receipt() < 10, "%llu", (unsigned long long)receipt());
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_BUSY);
}

static void submit_as(uint64_t peer, const char *name)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = m.protocol_version = m.epoch = m.line = 1;
    m.feeder = (char *)name;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_HELLO, &m.base);
    uint32_t indicator[] = {1};
    double value[] = {1};
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = s.seq = s.has_stage = s.stage = 1;
    s.index = "i", s.period = "p", s.unit = "u";
    s.n_indicator = s.n_value = 1;
    s.indicator = indicator;
    s.value = value;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &s.base);
}

static void submit_as_many(int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char name[32];
        snprintf(name, sizeof name, "name-%d", i);
        submit_as(5000 + (uint64_t)i, name);
    }
}

Test(ingestor_fair, names_enter_the_journal_at_a_rate)
{
    t.settings.feeders_new_per_minute = 3;
    ingestor_world_restart();
    submit_as_many(0, 4);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_BUSY && r->seq == 1);
    cr_assert(r->retry_after_ms > 19000 && r->retry_after_ms <= 20001, "%u", r->retry_after_ms);
    tick(r->retry_after_ms);
    size_t refused = count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
    submit_as_many(3, 1);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), refused);
}

static uint64_t counter(const char *name)
{
    ask_stats(9);
    const Parbus__StatsReply *r = (const Parbus__StatsReply *)last_to_feeder(PARBUS__TO_FEEDER__BODY_STATS);
    for (size_t i = 0; i < r->n_counter; i++)
        if (!strcmp(r->counter[i]->name, name))
            return r->counter[i]->value;
    return 0;
}

Test(ingestor_fair, health_hears_that_new_names_are_refused)
{
    t.settings.feeders_max = 2;
    ingestor_world_restart();
    tick(30000);
    submit_as_many(0, 2);
    tick(1);
    cr_assert_eq(counter("feeders_refused_lately"), 0);
    submit_as_many(2, 1);
    tick(1);
    cr_assert_eq(counter("feeders_refused_lately"), 1);
    tick(21000);
    tick(21000);
    cr_assert_eq(counter("feeders_refused_lately"), 0);
}
