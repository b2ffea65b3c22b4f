/* The ingestor and a journal that fails, takes its time, is full, or is somebody else's (rules D8, D9, D13a). */
#include "ingestor_world.h"
#include "wire/wire.h"
#include <stdio.h>
#include <string.h>

TestSuite(ingestor_append, .init = ingestor_world_start, .fini = ingestor_world_stop);

Test(ingestor_append, a_failed_commit_gives_no_receipt_and_is_written_later_by_itself)
{
    hello(1);
    submit(1);
    tick(2);
    t.disk_full = true;
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 1);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STORAGE && r->seq == 3 && r->retry_after_ms > 0,
              "what was taken stays; the next one has to wait");
    submit(3);
    tick(2);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_REFUSAL), 2, "told again: it is the one expected");
    cr_assert_eq(last_refusal()->seq, 3);
    t.disk_full = false;
    tick(300);
    cr_assert_eq(receipt(), 2);
    submit(3);
    tick(2);
    cr_assert_eq(receipt(), 3);
    cr_assert_eq(t.journal_count, 3);
}

Test(ingestor_append, a_failed_commit_that_is_there_all_the_same_is_there_once)
{
    hello(1);
    t.disk_lies = true;
    submit(1);
    tick(2);
    cr_assert_eq(receipt(), 0, "nobody knows");
    t.disk_lies = false;
    tick(300);
    cr_assert_eq(receipt(), 1);
    cr_assert_eq(t.journal_count, 1);
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_append, the_same_group_is_tried_again_now_and_then_and_logged_once)
{
    hello(1);
    t.disk_full = true;
    submit(1);
    tick(2);
    for (int ms = 0; ms < 2000; ms += 10)
        tick(10);
    cr_assert(t.appends >= 6 && t.appends <= 10, "%zu", t.appends);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_journal_commit_failures], t.appends);
    const char *first = strstr(t.told, "journal.commit_failed");
    cr_assert(first && !strstr(first + 1, "journal.commit_failed"), "%s", t.told);
    t.disk_full = false;
    tick(300);
    cr_assert_eq(receipt(), 1);
    cr_assert(strstr(t.told, "journal.writable"), "%s", t.told);
}

/* ---- somebody else writes the journal ---- */

Test(ingestor_append, a_fenced_writer_takes_nothing_gives_no_receipt_and_says_why_it_ends)
{
    hello(1);
    t.fenced = true;
    submit(1);
    cr_assert_null(ingestor_fenced(t.core));
    tick(2);
    cr_assert_str_eq(ingestor_fenced(t.core), "somebody else writes this journal");
    size_t appends = t.appends;
    t.fenced = false;
    submit(2);
    tick(5000);
    cr_assert_eq(receipt(), 0);
    cr_assert_eq(t.appends, appends, "for good");
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
    cr_assert(strstr(t.told, "journal.lost"), "%s", t.told);
}

Test(ingestor_append, a_fenced_writer_that_has_nothing_to_write_ends_too)
{
    hello(1);
    tick(500);
    cr_assert_null(ingestor_fenced(t.core));
    t.taken = true;
    tick(500);
    cr_assert_str_eq(ingestor_fenced(t.core), "somebody else writes this journal");
    size_t appends = t.appends;
    submit(1);
    tick(500);
    cr_assert_eq(t.appends, appends);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
}

/* ---- the disk takes its time ---- */

Test(ingestor_append, what_comes_while_the_disk_syncs_is_the_next_group)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    submit(2);
    submit(3);
    tick(2);
    cr_assert_eq(t.appends, 1, "one at a time");
    cr_assert_eq(receipt(), 0);
    answer_append();
    cr_assert_eq(receipt(), 1);
    tick(0);
    cr_assert_eq(t.appends, 2);
    answer_append();
    cr_assert_eq(receipt(), 3);
    cr_assert_eq(count_to_feeder(PARBUS__TO_FEEDER__BODY_RECEIPT), 2);
}

Test(ingestor_append, an_answer_to_another_question_is_none)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    ingestor_appended(t.core, t.ticket + 1, OK, "", t.now);
    ingestor_appended(t.core, t.ticket - 1, OK, "", t.now);
    cr_assert_eq(receipt(), 0);
    uint64_t ticket = t.ticket;
    answer_append();
    cr_assert_eq(receipt(), 1);
    submit(2);
    ingestor_appended(t.core, ticket, OK, "", t.now);
    cr_assert_eq(receipt(), 1, "answered already");
}

Test(ingestor_append, a_group_goes_at_once_when_nothing_more_waits_and_is_gathered_for_a_while_when_something_does)
{
    hello(1);
    submit(1);
    cr_assert_leq(ingestor_tick(t.core, t.now), t.now.mono_us + t.settings.group_wait_us);
    cr_assert_eq(t.appends, 0, "more may wait at the door");
    t.now.mono_us += t.settings.group_wait_us;
    ingestor_tick(t.core, t.now);
    cr_assert_eq(t.appends, 1);
    answer_append();
    submit(2);
    ingestor_drained(t.core);
    ingestor_tick(t.core, t.now);
    cr_assert_eq(t.appends, 2);
}

Test(ingestor_append, a_silent_disk_is_told_and_nothing_is_taken_until_it_answers)
{
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    submit(2);
    tick(900);
    cr_assert_str_eq(ingestor_trouble(t.core), "");
    tick(200);
    cr_assert(strstr(ingestor_trouble(t.core), "silent"), "%s", ingestor_trouble(t.core));
    submit(3);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
    cr_assert_eq(last_refusal()->seq, 3);
    t.disk_silent = false;
    answer_append();
    tick(1);
    cr_assert_str_eq(ingestor_trouble(t.core), "");
    cr_assert_eq(receipt(), 2);
}

Test(ingestor_append, a_full_group_keeps_the_door_waiting_only_while_the_journal_is_at_another_one)
{
    t.settings.group_bytes_max = 4096;
    t.settings.feeder_window_bytes = 1 << 20;
    ingestor_world_restart();
    t.disk_silent = true;
    hello(1);
    submit(1);
    tick(2);
    uint64_t seq = 2;
    for (; ingestor_takes(t.core) && seq < 1000; seq++)
        submit(seq);
    cr_assert_lt(seq, 1000);
    submit(seq); /* all the same */
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
    cr_assert_eq(last_refusal()->seq, seq);
    t.disk_silent = false;
    answer_append();
    ingestor_tick(t.core, t.now);
    cr_assert(ingestor_takes(t.core));
    answer_append();
    cr_assert_eq(receipt(), seq - 1);
}

static const char *trouble(void)
{
    Parbus__Stats question = PARBUS__STATS__INIT;
    FROM_FEEDER(STATS, question);
    const Parbus__StatsReply *reply = (const Parbus__StatsReply *)last_to_feeder(PARBUS__TO_FEEDER__BODY_STATS);
    cr_assert_eq(reply->accepting, reply->trouble[0] == 0);
    return reply->trouble;
}

/* Answers Assign of the partition that ends there. */
static void own_what_has(uint64_t last, uint64_t applied, uint64_t mark)
{
    for (size_t i = t.worker_count; i-- > 0;) {
        const Parbus__Assign *ask = (const Parbus__Assign *)t.to_worker[i].message;
        if (t.to_worker[i].kind != PARBUS__TO_WORKER__BODY_ASSIGN || last_pseq(ask->partition) != last)
            continue;
        Parbus__Owned m = PARBUS__OWNED__INIT;
        m.has_partition = m.has_owner_epoch = m.has_applied = m.has_mark = 1;
        m.partition = ask->partition;
        m.owner_epoch = ask->owner_epoch;
        m.applied = applied;
        m.mark = mark;
        FROM_WORKER(SCORER_A, OWNED, m);
        return;
    }
    cr_assert_fail("nobody is asked to own it");
}

/* The journal was taken back to nothing while a scorer had applied two entries; then three others came. */
Test(ingestor_append, what_a_scorer_has_beyond_what_the_start_found_or_was_sent_is_told_however_long_the_journal_got)
{
    hello(1);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        submit(seq);
        tick(2);
    }
    cr_assert_eq(receipt(), 3);
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 1);
    tick(1000);
    own_what_has(3, 2, 0);
    tick(200);
    cr_assert(strstr(trouble(), "state has applied 2: "), "%s", trouble());
    cr_assert(strstr(trouble(), "the journal had no more than 0 of partition"), "%s", trouble());
    cr_assert(strstr(trouble(), "put the newest journal back"), "%s", trouble());
    cr_assert(strstr(trouble(), "have to push them again"), "it is not cut off: %s", trouble());
    submit(4);
    cr_assert_eq(last_refusal()->reason, PARBUS__REASON__REFUSED_STORAGE);
}

/* Three entries are in the journal, and the ingestor was started again since. Returns their partition; *mark is that of
 * the second one. */
static uint32_t three_entries(uint64_t *mark)
{
    hello(1);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        submit(seq);
        tick(2);
    }
    ingestor_world_restart();
    ingestor_world_restore();
    for (size_t i = 0; i < t.journal_count; i++)
        if (t.journal[i].first_pseq == 2 && last_pseq(t.journal[i].partition) == 3) {
            *mark = record_mark_at(t.journal[i].record, t.journal[i].bytes, 2, 2);
            return t.journal[i].partition;
        }
    cr_assert_fail("nothing is journalled");
    return 0;
}

/* State was away while the journal that was taken back became as long as state believes it to be. */
Test(ingestor_append, what_a_scorer_has_of_another_past_of_the_journal_is_told_though_it_is_long_enough)
{
    uint64_t mark;
    three_entries(&mark);
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 1);
    tick(1000);
    own_what_has(3, 2, mark + 1);
    tick(200);
    cr_assert(strstr(trouble(), "entry 2 of partition"), "%s", trouble());
    cr_assert(strstr(trouble(), "is another one in this journal: values with a receipt are missing"), "%s", trouble());
}

Test(ingestor_append, what_a_scorer_has_of_this_past_is_built_upon)
{
    uint64_t mark;
    three_entries(&mark);
    join(SCORER_A, PARBUS__ROLE__ROLE_SCORER, "scorer-1", 1);
    tick(1000);
    own_what_has(3, 2, mark);
    tick(200);
    cr_assert_str_eq(trouble(), "");
}

Test(ingestor_append, a_state_of_another_past_keeps_the_door_from_being_opened)
{
    uint64_t mark;
    struct err_text e = {""};
    uint32_t p = three_entries(&mark);
    cr_assert_eq(ingestor_restore_partition(t.core, p, 3, (struct ingestor_followed){2, mark}, &e), OK, "%s", e.text);
    cr_assert_eq(ingestor_restore_partition(t.core, p, 3, (struct ingestor_followed){2, mark + 1}, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "put the newest journal back"), "%s", e.text);
}

/* A path is part of the reason: it may be long, and of any bytes. An answer that is not UTF-8 would not be read. */
Test(ingestor_append, the_reason_is_a_text_wherever_it_is_cut)
{
    uint64_t seq = 0;
    for (size_t bytes = 248; bytes < 256; bytes++) {
        char why[300];
        snprintf(why, sizeof why, "%0*d/Hà Nội/Đà Nẵng/\xff", (int)bytes - 2, 0);
        t.disk_full = true;
        t.disk_says = why;
        hello(1);
        submit(++seq);
        tick(2);
        const char *said = trouble();
        cr_assert_geq(strlen(said), 250);
        cr_assert(wire_utf8_ok(said, strlen(said)), "%s", said);
        t.disk_full = false;
        tick(2000);
        tick(2000);
    }
}

Test(ingestor_append, it_refuses_before_the_room_is_used_up)
{
    hello(1);
    submit(1);
    tick(2);
    t.room_left = false;
    tick(200);
    tick(0);
    cr_assert_str_eq(trouble(), "hardly any room");
    submit(2);
    tick(2);
    const Parbus__Refusal *r = last_refusal();
    cr_assert(r && r->reason == PARBUS__REASON__REFUSED_STORAGE && r->seq == 2 && r->retry_after_ms > 0);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_journal_commit_failures], 0);
    t.room_left = true;
    for (int ms = 0; ms < 1300; ms += 50)
        tick(50);
    cr_assert_str_eq(trouble(), "", "nobody has submitted anything");
    submit(2);
    tick(2);
    cr_assert_eq(receipt(), 2);
}
