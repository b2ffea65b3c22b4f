/* A feeder's place is given to others, and nothing else of it (D21). */
#include "ingestor_world.h"
#include <stdio.h>
#include <string.h>

enum { OPERATOR = 77, FIRST = 1000, LONG_MS = 20000 };

static void start(void)
{
    ingestor_world_start();
    t.settings.feeders_max = 2;
    t.settings.feeder_lease_ms = 10000;
    ingestor_world_restart();
}
TestSuite(ingestor_removal, .init = start, .fini = ingestor_world_stop);

static void hello_from(unsigned n, uint64_t line, uint64_t epoch)
{
    char name[16];
    Parbus__Hello m = PARBUS__HELLO__INIT;
    snprintf(name, sizeof name, "h%02u", n);
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.protocol_version = 1, m.epoch = epoch, m.line = line, m.feeder = name;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, FIRST + n, PARBUS__TO_INGESTOR__BODY_HELLO, &m.base);
}

static void submit_from(unsigned n, uint64_t seq)
{
    uint32_t indicator[] = {1};
    double value[] = {1};
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    m.has_seq = 1, m.seq = seq;
    m.index = "qd766", m.period = "2025", m.unit = "H05";
    m.n_indicator = m.n_value = 1, m.indicator = indicator, m.value = value;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, FIRST + n, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &m.base);
    tick(2);
}

static void come(unsigned n)
{
    hello_from(n, 1 + n, 1);
    submit_from(n, 1);
}

static size_t answers(void) { return count_to_feeder(PARBUS__TO_FEEDER__BODY_FEEDER_REMOVED); }
static size_t too_many(void) { return ingestor_metrics(t.core)->reason[PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS]; }

static void ask(const char *name)
{
    Parbus__RemoveFeeder m = PARBUS__REMOVE_FEEDER__INIT;
    m.has_request = 1, m.request = 5, m.feeder = (char *)name;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, OPERATOR, PARBUS__TO_INGESTOR__BODY_REMOVE_FEEDER, &m.base);
}

/* As the tool does; "": it is removed. */
static const char *removed(const char *name)
{
    size_t before = answers();
    for (int i = 0; i < 5 && answers() == before; i++) {
        ask(name);
        tick(2);
    }
    cr_assert_gt(answers(), before);
    return ((const Parbus__FeederRemoved *)last_to_feeder(PARBUS__TO_FEEDER__BODY_FEEDER_REMOVED))->why;
}

Test(ingestor_removal, its_place_is_for_the_next_name_and_the_journal_says_so)
{
    come(0), come(1);
    hello_from(2, 3, 1);
    cr_assert_eq(too_many(), 1);
    tick(LONG_MS);
    cr_assert_str_eq(removed("h00"), "");
    cr_assert(t.mark[1].removed && t.mark[1].free && t.mark[1].last_seq == 1);
    come(2);
    cr_assert_eq(too_many(), 1);
    cr_assert_str_eq(t.mark[3].name, "h02", "its number is nobody else's");
    hello_from(3, 4, 1);
    cr_assert_eq(too_many(), 2, "one place was given, not two");
}

Test(ingestor_removal, it_is_answered_when_the_journal_has_it_and_not_before)
{
    come(0);
    tick(LONG_MS);
    t.disk_silent = true;
    ask("h00");
    tick(2);
    cr_assert_eq(answers(), 0);
    t.disk_silent = false;
    answer_append();
    cr_assert_str_eq(removed("h00"), "");
    cr_assert_str_eq(removed("h00"), "", "asked again it says the same");
}

Test(ingestor_removal, who_is_at_work_and_who_is_not_known_is_said)
{
    come(0);
    cr_assert_str_eq(removed("h00"), "h00 is at work: it was heard 0 s ago. Stop it first");
    cr_assert_str_eq(removed("h99"), "the journal has no feeder \"h99\" (parbus feeders list)");
    cr_assert_str_eq(removed(""), "the journal has no feeder \"\" (parbus feeders list)");
    cr_assert_not(t.mark[1].removed);
}

Test(ingestor_removal, who_comes_again_goes_on_where_it_was_and_takes_a_place)
{
    come(0), come(1);
    tick(LONG_MS);
    removed("h00");
    hello_from(0, 1, 1);
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert_eq(w->next_seq, 2);
    submit_from(0, 1);
    cr_assert_eq(receipt(), 1, "what had a receipt is not taken again");
    submit_from(0, 2);
    cr_assert_eq(receipt(), 2);
    cr_assert_not(t.mark[1].removed);
    hello_from(2, 3, 1);
    cr_assert_eq(too_many(), 1);
}

Test(ingestor_removal, another_outbox_of_its_name_begins_a_new_epoch)
{
    come(0);
    tick(LONG_MS);
    removed("h00");
    hello_from(0, 99, 1);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STALE_EPOCH);
    hello_from(0, 99, 2);
    cr_assert_eq(((const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME))->next_seq, 1);
}

Test(ingestor_removal, a_name_that_its_connection_leaves_keeps_its_number)
{
    come(0);
    tick(LONG_MS);
    removed("h00");
    hello_from(0, 1, 1);
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.protocol_version = 1, m.epoch = 1, m.line = 50, m.feeder = "other";
    deliver(INGESTOR_DOOR, &wire_to_ingestor, FIRST, PARBUS__TO_INGESTOR__BODY_HELLO, &m.base);
    submit_from(0, 1);
    cr_assert_str_eq(t.mark[1].name, "h00");
    cr_assert_str_eq(t.mark[2].name, "other");
}

Test(ingestor_removal, who_starts_again_knows_what_was_removed)
{
    come(0), come(1);
    tick(LONG_MS);
    removed("h00");
    ingestor_world_restore();
    come(2);
    cr_assert_eq(too_many(), 0);
    hello_from(3, 4, 1);
    cr_assert_eq(too_many(), 1);
    cr_assert_str_eq(removed("h00"), "");
}

Test(ingestor_removal, only_who_may_operate_removes_anybody)
{
    come(0);
    tick(LONG_MS);
    t.principal = "user:1000";
    ask("h00");
    tick(2);
    cr_assert_eq(answers(), 0);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_NOT_AUTHORISED);
    cr_assert_not(t.mark[1].removed);
}
