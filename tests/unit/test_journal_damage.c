/* Damage in the last block of commits, which a start looks through: as little as possible stands still. */
#include "journal/record.h"
#include "journal_fixture.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(journal_damage, .init = make_directory, .fini = remove_directory);

/* Partition 1 has pseq 1 to 3 (commit 1), 4 to 5 (commit 3) and 6 to 8 (commit 4), partition 2 pseq 1 (commit 2). */
static void append_few(void)
{
    open_writer(MIB);
    cr_assert(!append(1, 1, 3, 8) && !append(2, 1, 1, 8) && !append(1, 4, 2, 8) && !append(1, 6, 3, 8));
}

static uint8_t *key_of(uint64_t commit, uint32_t partition, uint64_t first)
{
    static uint8_t key[18];
    memset(key, 0, sizeof key);
    key[7] = (uint8_t)commit;
    key[9] = (uint8_t)partition;
    key[17] = (uint8_t)first;
    return key;
}

/* Whole, but for the byte `at`: 0 to 47 is its header. */
static void damage_record(uint64_t commit, uint64_t first, uint32_t count, size_t at)
{
    struct buffer b = {0};
    make_record(&b, first, count, 8, 'x');
    record_seal(b.data, b.size, &(struct record_place){.partition = 1, .first_pseq = first, .commit = commit});
    b.data[at] ^= 1;
    put_raw("records", key_of(commit, 1, first), 18, b.data, b.size);
    buffer_free(&b);
}

/* The writer starts, knows where the partitions end, goes on in all of them, and says of partition 1 what is wrong. */
static void expect_start(uint64_t readable, const char *sentence)
{
    struct seen seen = {0};
    open_writer(MIB);
    cr_assert_eq(journal_end(j, 1), 8);
    cr_assert_eq(journal_end(j, 2), 1);
    cr_assert_eq(append(2, 2, 1, 8), OK, "%s", e.text);
    cr_assert_eq(append(1, 9, 1, 8), OK, "%s", e.text);
    cr_assert_eq(journal_read(j, 2, 1, SIZE_MAX, see, &seen, &e), OK, "%s", e.text);
    cr_assert_eq(seen.count, 2);
    seen = (struct seen){0};
    cr_assert_eq(journal_read(j, 1, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
    cr_assert_eq(seen.count, readable);
    cr_assert(strstr(e.text, sentence), "%s", e.text);
}

Test(journal_damage, a_damaged_header_in_the_last_block_is_its_partitions_alone)
{
    append_few();
    damage_record(3, 4, 2, 5);
    expect_start(1, "partition 1, pseq 4, commit 3: the checksum of the record's header is wrong");
}

Test(journal_damage, so_is_that_of_the_last_record)
{
    append_few();
    damage_record(4, 6, 3, 5);
    expect_start(2, "partition 1, pseq 6, commit 4: the checksum of the record's header is wrong");
}

Test(journal_damage, and_one_whose_entries_say_nothing_either_for_the_rest_is_its)
{
    append_few();
    put_raw("records", key_of(4, 1, 6), 18, "\2\1\0\0\3\0\0\0garbage", 15);
    expect_start(2, "partition 1, pseq 6, commit 4: record of 15 bytes has no header");
}

Test(journal_damage, two_of_which_nobody_can_say_where_they_end_are_too_many)
{
    append_few();
    put_raw("records", key_of(4, 1, 6), 18, "garbage", 7);
    put_raw("records", key_of(2, 2, 1), 18, "garbage", 7);
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
    cr_assert(strstr(e.text, "partition 2, pseq 1, commit 2") && strstr(e.text, "parbus restore"), "%s", e.text);
}

/* A whole record, the one of commit 3, under the key of another place; its own is empty. */
static void move_record(uint64_t commit, uint32_t partition, uint64_t first)
{
    struct buffer b = {0};
    make_record(&b, 4, 2, 8, 'x');
    record_seal(b.data, b.size, &(struct record_place){.partition = 1, .first_pseq = 4, .commit = 3});
    remove_raw("records", key_of(3, 1, 4), 18);
    put_raw("records", key_of(commit, partition, first), 18, b.data, b.size);
    buffer_free(&b);
}

static const char *verified(void)
{
    uint64_t last[4], unchained;
    return journal_verify(j, NULL, NULL, NULL, last, &unchained, &e) == ERR_CORRUPT ? e.text : "it is whole";
}

static unsigned named;
static char all_named[2048];

static void name(void *ctx, const char *sentence)
{
    (void)ctx;
    size_t used = strlen(all_named);
    snprintf(all_named + used, sizeof all_named - used, "%s\n", sentence);
    named++;
}

Test(journal_damage, every_damaged_record_is_named_and_the_rest_is_read)
{
    uint64_t last[4], unchained;
    append_few();
    put_raw("records", key_of(4, 1, 6), 18, "garbage", 7);
    put_raw("records", key_of(2, 2, 1), 18, "garbage", 7);
    cr_assert_eq(open_as(false, 0), OK, "%s", e.text);
    cr_assert_eq(journal_verify(j, NULL, name, NULL, last, &unchained, &e), ERR_CORRUPT);
    cr_assert_eq(named, 2, "%s", all_named);
    cr_assert(strstr(all_named, "partition 2, pseq 1, commit 2"), "%s", all_named);
    cr_assert(strstr(all_named, "partition 1, pseq 6, commit 4"), "%s", all_named);
    cr_assert(strstr(e.text, "2 records are damaged"), "%s", e.text);
}

Test(journal_damage, a_record_that_was_moved_within_its_partition_is_said)
{
    append_few();
    move_record(3, 1, 5);
    expect_start(1, "pseq 5, commit 3: the record found there is that of partition 1, pseq 4, commit 3");
    cr_assert(strstr(verified(), "the record found there is that of partition 1, pseq 4, commit 3"), "%s", e.text);
}

Test(journal_damage, one_that_was_moved_to_another_partition_is_missing_in_its_own_and_said_in_the_other)
{
    struct seen seen = {0};
    append_few();
    move_record(3, 2, 2);
    open_writer(MIB);
    cr_assert_eq(journal_end(j, 1), 8);
    cr_assert_eq(journal_end(j, 2), 1);
    cr_assert_eq(journal_read(j, 1, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "begins at pseq 6 where 4 is due"), "%s", e.text);
    cr_assert_eq(journal_read(j, 2, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "partition 2, pseq 2, commit 3: the record found there is that of partition 1, pseq 4"),
              "%s", e.text);
    cr_assert(strstr(verified(), "the record found there is that of partition 1, pseq 4, commit 3"), "%s", e.text);
    cr_assert_eq(append(3, 1, 1, 8), OK, "%s", e.text);
}

Test(journal_damage, a_last_record_that_was_moved_still_says_where_its_partition_ends)
{
    struct buffer b = {0};
    append_few();
    make_record(&b, 6, 3, 8, 'x');
    record_seal(b.data, b.size, &(struct record_place){.partition = 1, .first_pseq = 6, .commit = 4});
    remove_raw("records", key_of(4, 1, 6), 18);
    put_raw("records", key_of(200, 3, 6), 18, b.data, b.size); /* a commit that there never was */
    buffer_free(&b);
    expect_start(2, "begins at pseq 9 where 6 is due");
}

Test(journal_damage, a_record_that_is_missing_is_its_partitions_alone_when_a_later_one_is_there)
{
    append_few();
    remove_raw("records", key_of(3, 1, 4), 18);
    expect_start(1, "partition 1: a record begins at pseq 6 where 4 is due (commit 4, or one before it)");
}

Test(journal_damage, and_otherwise_nobody_knows_whose_it_is)
{
    append_few();
    remove_raw("records", key_of(4, 1, 6), 18);
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
    cr_assert(strstr(e.text, "it has 6 entries up to commit 4, and should have 9"), "%s", e.text);
}
