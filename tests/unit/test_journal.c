#include "journal/record.h"
#include "journal_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(journal, .init = make_directory, .fini = remove_directory);

Test(journal, a_reader_of_nothing_is_told_so)
{
    cr_assert_eq(open_as(false, 0), ERR_NOT_FOUND);
    cr_assert_null(j);
    cr_assert(strstr(e.text, directory), "%s", e.text);
}

Test(journal, identity_stays_and_the_term_grows)
{
    open_writer(MIB);
    uint64_t id = journal_id(j);
    cr_assert_neq(id, 0);
    cr_assert_eq(journal_term(j), 1);
    reopen(MIB);
    cr_assert_eq(journal_id(j), id);
    cr_assert_eq(journal_term(j), 2);
    journal_close(&j);
    struct journal_options more = {.writer = true, .partitions = 9, .map_bytes = MIB};
    cr_assert_eq(journal_open(&j, directory, &more, &e), OK, "%s", e.text);
    cr_assert_eq(journal_partitions(j), 4, "fixed when it was created");
    journal_close(&j);
    cr_assert_eq(open_as(false, 0), OK, "%s", e.text);
    cr_assert_eq(journal_term(j), 3, "a reader starts no term");
}

Test(journal, what_was_appended_is_read_after_a_restart)
{
    open_writer(8 * MIB);
    cr_assert_eq(append(2, 1, 3, 100), OK, "%s", e.text);
    cr_assert_eq(append(2, 4, 1, MIB), OK, "%s", e.text);
    cr_assert_eq(append(3, 1, 2, 5000), OK, "%s", e.text);
    reopen(8 * MIB);
    cr_assert_eq(last_of(0), 0);
    cr_assert_eq(last_of(2), 4);
    cr_assert_eq(last_of(3), 2);
    cr_assert_eq(marked_seq(), 2);
    cr_assert_eq(append(2, 5, 1, 10), OK, "%s", e.text);
    struct seen seen = read_from(2, 1, SIZE_MAX, 0);
    cr_assert_eq(seen.count, 3);
    cr_assert_eq(seen.first[0], 1);
    cr_assert_eq(seen.first[1], 4);
    cr_assert_eq(seen.first[2], 5);
}

Test(journal, reading_begins_with_the_record_that_holds_the_pseq)
{
    open_writer(MIB);
    append(1, 1, 10, 8);
    append(1, 11, 10, 8);
    append(1, 21, 1, 8);
    append(2, 1, 5, 8);
    cr_assert_eq(read_from(1, 0, SIZE_MAX, 0).first[0], 1);
    cr_assert_eq(read_from(1, 10, SIZE_MAX, 0).first[0], 1);
    cr_assert_eq(read_from(1, 11, SIZE_MAX, 0).first[0], 11);
    cr_assert_eq(read_from(1, 15, SIZE_MAX, 0).first[0], 11);
    cr_assert_eq(read_from(1, 15, SIZE_MAX, 0).count, 2);
    cr_assert_eq(read_from(1, 21, SIZE_MAX, 0).count, 1);
    cr_assert_eq(read_from(1, 22, SIZE_MAX, 0).count, 0, "beyond the last");
    cr_assert_eq(read_from(2, 6, SIZE_MAX, 0).count, 0);
    cr_assert_eq(read_from(0, 1, SIZE_MAX, 0).count, 0);
    cr_assert_eq(read_from(3, 1, SIZE_MAX, 0).count, 0);
}

Test(journal, reading_stops_at_its_limits)
{
    open_writer(MIB);
    for (uint64_t i = 1; i <= 8; i++)
        append(0, i, 1, 1000);
    cr_assert_eq(read_from(0, 1, 1, 0).count, 1, "at least one");
    cr_assert_eq(read_from(0, 1, 2500, 0).count, 3);
    cr_assert_eq(read_from(0, 1, SIZE_MAX, 2).count, 2, "fn said so");
    cr_assert_eq(read_from(0, 1, SIZE_MAX, 0).count, 8);
}

Test(journal, a_record_out_of_sequence_takes_its_whole_group_along)
{
    open_writer(MIB);
    append(0, 1, 2, 8);
    struct buffer b = {0};
    make_record(&b, 1, 2, 8, 'y');
    struct journal_mark mark = {1, {.epoch = 1, .last_seq = 77, .name = "h05"}};
    struct journal_put put[2] = {{1, 1, b.data, b.size}, {0, 4, b.data, b.size}};
    struct journal_group g = {
        .commit = journal_last_commit(j) + 1, .put = put, .put_count = 2, .mark = &mark, .mark_count = 1};
    cr_assert_eq(journal_append(j, &g, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "partition 0"), "%s", e.text);
    put[1].first_pseq = 2;
    cr_assert_eq(journal_append(j, &g, &e), ERR_INVALID);
    cr_assert_eq(last_of(0), 2);
    cr_assert_eq(last_of(1), 0);
    cr_assert_eq(marked_seq(), 2);
    put[1].first_pseq = 3;
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    cr_assert_eq(last_of(1), 2);
    cr_assert_eq(last_of(0), 4);
    cr_assert_eq(marked_seq(), 77);
    buffer_free(&b);
}

Test(journal, a_group_may_hold_several_records_of_a_partition)
{
    open_writer(MIB);
    struct buffer b = {0};
    make_record(&b, 1, 3, 8, 'y');
    struct journal_put put[2] = {{1, 1, b.data, b.size}, {1, 4, b.data, b.size}};
    struct journal_group g = {.commit = journal_last_commit(j) + 1, .put = put, .put_count = 2};
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    cr_assert_eq(last_of(1), 6);
    buffer_free(&b);
}

/* Partition 0 has a record of 3 in every commit, 1 in every tenth, 2 in two that lie far apart, 3 in none. */
static bool takes_part(uint32_t partition, uint64_t commit)
{
    return partition == 0 || (partition == 1 && commit % 10 == 0) || (partition == 2 && (commit == 5 || commit == 190));
}

static void append_commits(uint64_t from, uint64_t to, uint64_t last[4])
{
    struct buffer b = {0};
    make_record(&b, 1, 3, 8, 's');
    for (uint64_t commit = from; commit <= to; commit++) {
        struct journal_put put[4];
        struct journal_group g = {.commit = journal_last_commit(j) + 1, .put = put};
        for (uint32_t p = 0; p < 4; p++)
            if (takes_part(p, commit)) {
                put[g.put_count++] = (struct journal_put){p, last[p] + 1, b.data, b.size};
                last[p] += 3;
            }
        cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    }
    buffer_free(&b);
}

static bool count_up(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    (void)record, (void)bytes;
    uint64_t *next = ctx;
    cr_assert_eq(first_pseq, *next);
    *next += 3;
    return true;
}

static void expect_readable_from_everywhere(const uint64_t last[4])
{
    for (uint32_t p = 0; p < 4; p++) {
        cr_assert_eq(last_of(p), last[p], "partition %u", p);
        for (uint64_t from = 1; from <= last[p] + 1; from++) {
            uint64_t next = from - (from - 1) % 3;
            cr_assert_eq(journal_read(j, p, from, SIZE_MAX, count_up, &next, &e), OK, "%s", e.text);
            cr_assert_eq(next, last[p] + 1, "partition %u from %d", p, (int)from);
        }
    }
}

Test(journal, partitions_are_found_across_blocks_of_commits)
{
    uint64_t last[4] = {0}, at = 0;
    static const uint64_t stops[] = {1, 62, 63, 64, 127, 128, 189, 191, 200};
    open_writer(2 * MIB);
    for (unsigned i = 0; i < sizeof stops / sizeof *stops; i++) {
        append_commits(at + 1, stops[i], last);
        at = stops[i];
        expect_readable_from_everywhere(last);
        reopen(2 * MIB);
        expect_readable_from_everywhere(last);
    }
    cr_assert_eq(last[0], 600);
    cr_assert_eq(last[2], 6);
}

Test(journal, commits_without_records_leave_no_hole)
{
    struct journal_mark mark = {1, {.epoch = 1, .last_seq = 1, .name = "h05"}};
    struct journal_group only_marks = {.mark = &mark, .mark_count = 1};
    uint64_t last[4] = {0};
    open_writer(MIB);
    for (uint64_t i = 0; i < 3; i++) {
        append_commits(i * 50 + 1, i * 50 + 50, last);
        for (unsigned k = 0; k < 40; k++)
            cr_assert_eq(journal_append(j, &only_marks, &e), OK, "%s", e.text);
    }
    expect_readable_from_everywhere(last);
}

Test(journal, records_of_a_group_may_come_in_any_order_of_partitions)
{
    uint64_t last[4] = {3, 0, 3, 3};
    struct buffer b = {0};
    open_writer(MIB);
    make_record(&b, 1, 3, 8, 'o');
    struct journal_put put[3] = {{3, 1, b.data, b.size}, {0, 1, b.data, b.size}, {2, 1, b.data, b.size}};
    struct journal_group g = {.commit = journal_last_commit(j) + 1, .put = put, .put_count = 3};
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    expect_readable_from_everywhere(last);
    buffer_free(&b);
}

Test(journal, a_commit_that_is_there_is_appended_again_without_effect)
{
    open_writer(MIB);
    append_as(1, 0, 1, 2, 8);
    cr_assert_eq(append_as(2, 0, 3, 1, 8), OK, "%s", e.text);
    cr_assert_eq(append_as(2, 0, 3, 1, 8), OK, "%s", e.text);
    cr_assert_eq(journal_last_commit(j), 2);
    cr_assert_eq(last_of(0), 3);
    reopen(MIB);
    cr_assert_eq(append_as(2, 0, 3, 1, 8), OK, "%s", e.text);
    cr_assert_eq(read_from(0, 1, SIZE_MAX, 0).count, 2);
}

Test(journal, a_writer_that_is_not_the_only_one_is_told)
{
    open_writer(MIB);
    append_as(1, 0, 1, 2, 8);
    append_as(2, 0, 3, 1, 8);
    cr_assert_eq(append_as(1, 0, 1, 2, 8), ERR_LOST, "others came after it: %s", e.text);
    cr_assert_eq(append_as(4, 0, 4, 1, 8), ERR_LOST, "one before it is missing: %s", e.text);
    cr_assert(strstr(e.text, "commit 4") && strstr(e.text, "somebody else writes"), "%s", e.text);
    cr_assert_eq(append_as(2, 0, 3, 1, 9), ERR_LOST, "another record: %s", e.text);
    cr_assert_eq(append_as(2, 1, 1, 1, 8), ERR_LOST, "of another partition: %s", e.text);
    cr_assert(strstr(e.text, "other records"), "%s", e.text);
    cr_assert_eq(append_as(2, 0, 3, 1, 8), OK, "what it wrote is there: %s", e.text);
    cr_assert_eq(append_as(3, 0, 4, 1, 8), OK, "%s", e.text);
}

Test(journal, a_commit_with_fewer_or_more_records_is_another)
{
    struct buffer b = {0};
    open_writer(MIB);
    make_record(&b, 1, 3, 8, 'y');
    struct journal_put put[3] = {{0, 1, b.data, b.size}, {2, 1, b.data, b.size}, {3, 1, b.data, b.size}};
    struct journal_group g = {.commit = 1, .put = put, .put_count = 2};
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    g.put_count = 1;
    cr_assert_eq(journal_append(j, &g, &e), ERR_LOST);
    g.put_count = 3;
    cr_assert_eq(journal_append(j, &g, &e), ERR_LOST);
    g.put_count = 2;
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    buffer_free(&b);
}

static enum err list_control(void *ctx, uint64_t seq, const void *packed, size_t bytes, struct err_text *text)
{
    char *out = ctx;
    if (bytes == 4 && memcmp(packed, "stop", 4) == 0)
        return err_set(text, ERR_INVALID, "told to stop");
    sprintf(out + strlen(out), "%d:%.*s ", (int)seq, (int)bytes, (const char *)packed);
    return OK;
}

Test(journal, controls_come_back_in_order_and_have_no_holes)
{
    open_writer(MIB);
    struct journal_control control[3] = {{1, "one", 3}, {2, "two", 3}, {3, "three", 5}};
    struct journal_group g = {.control = control, .control_count = 3};
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    cr_assert_eq(journal_append(j, &g, &e), ERR_INVALID, "the same again");
    reopen(MIB);
    control[0] = (struct journal_control){5, "five", 4};
    g.control_count = 1;
    cr_assert_eq(journal_append(j, &g, &e), ERR_INVALID, "4 is due");
    control[0].seq = 4;
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    char out[128] = "";
    cr_assert_eq(journal_controls(j, 2, list_control, out, &e), OK, "%s", e.text);
    cr_assert_str_eq(out, "2:two 3:three 4:five ");
    cr_assert_eq(journal_controls(j, 5, list_control, out, &e), OK, "none is fine");
    control[0] = (struct journal_control){5, "stop", 4};
    journal_append(j, &g, &e);
    cr_assert_eq(journal_controls(j, 1, list_control, out, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "control 5: told to stop"), "%s", e.text);
}

Test(journal, one_writer_and_once_per_process)
{
    open_writer(MIB);
    struct journal *second = NULL;
    struct journal_options o = {.writer = true, .map_bytes = MIB};
    cr_assert_eq(journal_open(&second, directory, &o, &e), ERR_BUSY);
    cr_assert(strstr(e.text, "writer"), "%s", e.text);
    o.writer = false;
    cr_assert_eq(journal_open(&second, directory, &o, &e), ERR_BUSY);
    cr_assert(strstr(e.text, "in this process"), "%s", e.text);
    cr_assert_null(second);
    cr_assert_eq(append(0, 1, 1, 8), OK, "the first one does not mind: %s", e.text);
}
