/* Whose a name is: lines, digests, and how it is given back (rules D16 to D18). */
#include "ingestor_world.h"
#include "wire/digest.h"
#include <stdio.h>

TestSuite(ingestor_lines, .init = ingestor_world_start, .fini = ingestor_world_stop);

enum { OURS = 7, THEIRS = 8 };

static Parbus__Hello hello_of(uint64_t line, uint64_t epoch)
{
    Parbus__Hello m = PARBUS__HELLO__INIT;
    m.has_protocol_version = m.has_epoch = m.has_line = 1;
    m.protocol_version = 1;
    m.feeder = "ha-noi";
    m.line = line;
    m.epoch = epoch;
    return m;
}

static void send_hello(uint64_t peer, const Parbus__Hello *m)
{
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_HELLO, &m->base);
}

static void hello_from(uint64_t peer, uint64_t line, uint64_t epoch)
{
    const Parbus__Hello m = hello_of(line, epoch);
    send_hello(peer, &m);
}

static void hello_without_outbox(uint64_t peer, uint64_t line, uint64_t epoch)
{
    Parbus__Hello m = hello_of(line, epoch);
    m.has_without_outbox = m.without_outbox = 1;
    send_hello(peer, &m);
}

static void submit_from(uint64_t peer, uint64_t seq)
{
    uint32_t indicator[] = {1};
    double value[] = {(double)peer};
    Parbus__Submission m = PARBUS__SUBMISSION__INIT;
    m.has_seq = 1;
    m.seq = seq;
    m.index = "qd766", m.period = "2025", m.unit = "H05";
    m.n_indicator = m.n_value = 1;
    m.indicator = indicator;
    m.value = value;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_SUBMISSION, &m.base);
}

static void bye_from(uint64_t peer)
{
    const Parbus__Bye m = PARBUS__BYE__INIT;
    deliver(INGESTOR_DOOR, &wire_to_ingestor, peer, PARBUS__TO_INGESTOR__BODY_BYE, &m.base);
}

static const Parbus__Refusal *refused(void)
{
    return (const Parbus__Refusal *)last_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL);
}

static void assert_in_use(const char *who)
{
    const Parbus__Refusal *r = refused();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_IN_USE && r->seq == 0 && r->retry_after_ms > 0);
    cr_assert(strstr(r->detail, who), "%s", r->detail);
}

static void ours_has_submitted(void)
{
    hello_from(OURS, 1, 1);
    submit_from(OURS, 1);
    tick(2);
    cr_assert_eq(receipt(), 1);
}

Test(ingestor_lines, a_hello_without_a_line_is_refused)
{
    hello_from(OURS, 0, 1);
    cr_assert(refused() && refused()->reason == PARBUS__REASON__REFUSED_MALFORMED);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 0);
}

Test(ingestor_lines, an_outbox_holds_its_name_however_long_it_is_silent)
{
    ours_has_submitted();
    tick(10 * t.settings.feeder_lease_ms);
    hello_from(THEIRS, 2, 5);
    assert_in_use("another outbox has it, heard 100 s ago");
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 1);
    submit_from(OURS, 2);
    tick(2);
    cr_assert_eq(receipt(), 2, "it goes on");
}

Test(ingestor_lines, an_outbox_that_said_bye_has_given_its_name_back)
{
    ours_has_submitted();
    bye_from(OURS);
    hello_from(THEIRS, 2, 2);
    assert_in_use("another outbox"); /* the journal does not say so yet */
    tick(2);
    const Parbus__Receipt *r = (const Parbus__Receipt *)last_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT);
    cr_assert(r->bye && r->up_to_seq == 1);
    hello_from(THEIRS, 2, 1);
    cr_assert_str_eq(refused()->detail, "epoch 1 is known", "D16d");
    hello_from(THEIRS, 2, 2);
    submit_from(THEIRS, 1);
    tick(2);
    cr_assert_eq(receipt(), 1);
    hello_from(OURS, 1, 1);
    assert_in_use("another outbox");
}

Test(ingestor_lines, a_bye_is_answered_as_often_as_it_is_said)
{
    ours_has_submitted();
    bye_from(OURS);
    tick(2);
    size_t receipts = count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT);
    bye_from(OURS);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), receipts + 1);
    bye_from(THEIRS);
    cr_assert_eq(refused()->reason, PARBUS__REASON__REFUSED_NO_HELLO);
}

Test(ingestor_lines, who_submits_after_its_bye_has_its_name_again)
{
    ours_has_submitted();
    bye_from(OURS);
    tick(2);
    submit_from(OURS, 2);
    tick(2);
    cr_assert_eq(receipt(), 2);
    hello_from(THEIRS, 2, 2);
    assert_in_use("another outbox");
}

Test(ingestor_lines, the_journal_knows_whose_a_name_is_and_whether_it_is_free)
{
    ours_has_submitted();
    ingestor_world_restore();
    hello_from(THEIRS, 2, 2);
    assert_in_use("not heard since this ingestor started");
    hello_from(OURS, 1, 1);
    bye_from(OURS);
    tick(2);
    ingestor_world_restore();
    hello_from(THEIRS, 2, 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 3);
}

Test(ingestor_lines, a_process_without_an_outbox_holds_its_name_for_its_lease)
{
    hello_without_outbox(OURS, 1, 1);
    submit_from(OURS, 1);
    tick(2);
    tick(t.settings.feeder_lease_ms / 2);
    hello_without_outbox(THEIRS, 2, 2);
    assert_in_use("a process without an outbox has it");
    submit_from(OURS, 2);
    tick(t.settings.feeder_lease_ms - 10);
    hello_without_outbox(THEIRS, 2, 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 1);
    tick(20);
    hello_without_outbox(THEIRS, 2, 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 2);
}

Test(ingestor_lines, a_process_without_an_outbox_whose_connection_is_gone_holds_nothing)
{
    hello_without_outbox(OURS, 1, 1);
    submit_from(OURS, 1);
    tick(2);
    t.peer_gone = OURS;
    hello_without_outbox(THEIRS, 2, 2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 2);
}

Test(ingestor_lines, two_newcomers_of_one_name_come_one_after_the_other)
{
    hello_from(OURS, 1, 5);
    hello_from(THEIRS, 2, 1);
    assert_in_use("another outbox");
    tick(t.settings.feeder_lease_ms + 1);
    hello_from(THEIRS, 2, 1);
    submit_from(THEIRS, 1);
    tick(2);
    cr_assert_eq(receipt(), 1, "its epoch is its own: the name was never in the journal");
    submit_from(OURS, 1);
    cr_assert_eq(refused()->reason, PARBUS__REASON__REFUSED_NO_HELLO);
}

Test(ingestor_lines, a_person_may_take_a_name_over)
{
    ours_has_submitted();
    Parbus__Hello m = hello_of(2, 2);
    m.has_take_over = m.take_over = 1;
    send_hello(THEIRS, &m);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME), 2);
    submit_from(THEIRS, 1);
    submit_from(OURS, 2);
    cr_assert_eq(refused()->reason, PARBUS__REASON__REFUSED_NO_HELLO);
    tick(2);
    hello_from(OURS, 1, 1);
    assert_in_use("another outbox");
}

/* ---- digests ---- */

static uint64_t digest_of_receipt(void)
{
    const Parbus__Receipt *r = (const Parbus__Receipt *)last_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT);
    return r->digest;
}

Test(ingestor_lines, the_digest_is_that_of_all_that_was_taken_word_for_word)
{
    ours_has_submitted();
    uint64_t first = digest_of_receipt();
    cr_assert_neq(first, 0);
    submit_from(OURS, 2);
    tick(2);
    cr_assert_neq(digest_of_receipt(), first);
    ingestor_world_restore();
    hello_from(OURS, 1, 1);
    const Parbus__Welcome *w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert(w->next_seq == 3 && w->digest == digest_of_receipt());
    hello_from(OURS, 1, 2);
    w = (const Parbus__Welcome *)last_to_feeder(PARBUS__TO_FEEDER__BODY_WELCOME);
    cr_assert(w->next_seq == 1 && w->digest == 0);
}

Test(ingestor_lines, what_was_refused_for_good_is_in_the_digest)
{
    uint8_t bytes[] = {0x08, 0x01, 0x20, 0x05}; /* seq 1, and a unit of the wrong wire type */
    struct wire_message bad = {.kind = PARBUS__TO_INGESTOR__BODY_SUBMISSION,
                               .body = bytes,
                               .body_bytes = sizeof bytes,
                               .err = ERR_INVALID,
                               .why = "by order of the test"};
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.seq = 1;
    bad.message = &s.base;
    hello_from(OURS, 1, 1);
    ingestor_receive(t.core, INGESTOR_DOOR, (struct peer){OURS, "owner"}, &bad, t.now);
    tick(2);
    cr_assert_eq(receipt(), 1);
    cr_assert_eq(digest_of_receipt(), wire_digest(0, bytes, sizeof bytes));
}

/* ---- what the access log hears ---- */

static void assert_noted(const char *wanted)
{
    cr_assert_str_eq(t.noted, wanted);
    t.noted[0] = 0;
}

Test(ingestor_lines, a_new_name_a_new_connection_and_a_new_epoch_are_noted_and_a_hello_said_again_is_not)
{
    hello_from(FEEDER, OURS, 1);
    assert_noted("name - ha-noi\n");
    submit_from(FEEDER, 1);
    tick(0);
    hello_from(FEEDER, OURS, 1);
    assert_noted("");
    hello_from(FEEDER + 1, OURS, 1);
    assert_noted("connection - ha-noi\n");
    hello_from(FEEDER + 1, OURS, 2);
    assert_noted("epoch - ha-noi\n");
}

Test(ingestor_lines, a_name_taken_over_is_noted_with_how)
{
    hello_from(FEEDER, OURS, 1);
    submit_from(FEEDER, 1);
    tick(0);
    t.noted[0] = 0;
    hello_from(FEEDER + 1, THEIRS, 2);
    assert_noted("refused IN_USE \n");
    Parbus__Hello m = hello_of(THEIRS, 2);
    m.has_take_over = m.take_over = 1;
    send_hello(FEEDER + 1, &m);
    assert_noted("line take_over ha-noi\n");
    bye_from(FEEDER + 1);
    tick(0);
    hello_from(FEEDER, OURS, 3);
    assert_noted("line said_bye ha-noi\n");
}

Test(ingestor_lines, who_is_nobody_is_noted_under_no_name_that_he_says)
{
    t.principal = "user:1234";
    hello_from(FEEDER, OURS, 1);
    assert_noted("refused NOT_AUTHORISED \n");
}
