#include "base/clock.h"
#include "base/crc32c.h"
#include "journal/record.h"
#include "journal_fixture.h"
#include "state/state.h"
#include "store/internal.h"
#include "store/store.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- a disk that fails on demand: these stand before libc's for LMDB too ---- */

static int disk_error;                    /* errno of a failing call; 0: the disk is fine */
static bool fails_on_sync, fails_on_meta; /* which calls; a meta page is written at offset 0 or one page */
static bool meta_lands_anyway;            /* the first failing write of a meta page reaches the disk all the same */
static unsigned failures_left;            /* then the disk is fine again; 0: it is not */
static unsigned syncs;

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    if (disk_error && !fails_on_sync && fails_on_meta == (offset < 8192 && bytes < 4096)) {
        if (meta_lands_anyway)
            syscall(SYS_pwrite64, fd, data, bytes, offset);
        meta_lands_anyway = false;
        errno = disk_error;
        if (failures_left && !--failures_left)
            disk_error = 0;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, bytes, offset);
}

ssize_t writev(int fd, const struct iovec *data, int count)
{
    if (disk_error && !fails_on_sync && !fails_on_meta) {
        errno = disk_error;
        return -1;
    }
    return syscall(SYS_writev, fd, data, count);
}

int fdatasync(int fd)
{
    syncs++;
    if (disk_error && fails_on_sync) {
        errno = disk_error;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- no room, and a disk that fails ---- */

TestSuite(journal_trouble, .init = make_directory, .fini = remove_directory);

Test(journal_trouble, every_append_is_synced)
{
    open_writer(MIB);
    unsigned before = syncs;
    for (uint64_t i = 1; i <= 5; i++)
        append(0, i, 1, 100);
    cr_assert_geq(syncs, before + 5);
}

static uint64_t fill(size_t body_bytes)
{
    uint64_t count = 0;
    enum err err;
    while ((err = append(0, count + 1, 1, body_bytes)) == OK)
        count++;
    cr_assert_eq(err, ERR_FULL, "%s", e.text);
    return count;
}

Test(journal_trouble, a_full_map_refuses_and_keeps_serving)
{
    open_writer(MIB / 2);
    uint64_t count = fill(20000);
    cr_assert_gt(count, 10);
    cr_assert(strstr(e.text, "map is full"), "%s", e.text);
    cr_assert_eq(journal_room(j, 60000, &e), ERR_FULL);
    cr_assert_eq(last_of(0), count);
    cr_assert_eq(marked_seq(), count, "the mark did not go ahead of the record");
    cr_assert_eq(append(0, count + 1, 1, 100), OK, "a small one still fits: %s", e.text);
    cr_assert_eq(append(0, count + 2, 1, 20000), ERR_FULL);
    reopen(2 * MIB);
    cr_assert_eq(append(0, count + 2, 1, 20000), OK, "%s", e.text);
    cr_assert_eq(last_of(0), count + 2);
    cr_assert_eq(read_from(0, count, SIZE_MAX, 0).count, 3);
}

static void fail_with(int error, bool on_sync, bool on_meta)
{
    disk_error = error;
    fails_on_sync = on_sync;
    fails_on_meta = on_meta;
}

static void expect_nothing_happened(enum err expected)
{
    cr_assert_eq(append(0, 3, 5, 9000), expected, "%s", e.text);
    cr_assert_eq(append(0, 3, 1, 9), expected, "%s", e.text);
    cr_assert_eq(last_of(0), 2);
    cr_assert_eq(marked_seq(), 2);
    disk_error = 0;
    cr_assert_eq(append(0, 3, 1, 9000), OK, "usable again: %s", e.text);
    cr_assert_eq(last_of(0), 3);
    reopen(MIB);
    cr_assert_eq(last_of(0), 3);
    cr_assert_eq(marked_seq(), 3);
}

Test(journal_trouble, a_full_disk_refuses_and_is_survived)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(ENOSPC, false, false);
    expect_nothing_happened(ERR_FULL);
}

Test(journal_trouble, a_failed_write_is_survived)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, false, false);
    expect_nothing_happened(ERR_IO);
}

Test(journal_trouble, a_failed_sync_is_survived)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, true, false);
    expect_nothing_happened(ERR_IO);
}

Test(journal_trouble, a_failed_meta_page_opens_the_environment_anew)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, false, true);
    expect_nothing_happened(ERR_IO);
}

Test(journal_trouble, a_group_that_landed_although_the_disk_said_no_is_there_once_when_it_is_appended_again)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, false, true);
    meta_lands_anyway = true;
    cr_assert_eq(append_as(2, 0, 3, 1, 9), ERR_IO, "%s", e.text);
    cr_assert_eq(append_as(2, 0, 3, 1, 9), ERR_IO, "it was read, not synced: %s", e.text);
    disk_error = 0;
    unsigned before = syncs;
    cr_assert_eq(append_as(2, 0, 3, 1, 9), OK, "%s", e.text);
    cr_assert_gt(syncs, before);
    cr_assert_eq(last_of(0), 3);
    cr_assert_eq(marked_seq(), 3);
    cr_assert_eq(append(0, 4, 1, 9), OK, "%s", e.text);
    reopen(MIB);
    cr_assert_eq(last_of(0), 4);
    cr_assert_eq(read_from(0, 1, SIZE_MAX, 0).count, 3);
}

Test(journal_trouble, a_group_that_landed_although_the_disk_said_no_for_a_moment_is_seen_at_once)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, false, true);
    meta_lands_anyway = true;
    failures_left = 2; /* LMDB takes back what it believes not to be there */
    cr_assert_eq(append(0, 3, 1, 9), OK, "%s", e.text);
    cr_assert_eq(last_of(0), 3);
    cr_assert_eq(append(0, 4, 1, 9), OK, "%s", e.text);
}

/* ---- damage and strange versions ---- */

Test(journal_trouble, a_newer_format_is_refused_untouched)
{
    struct {
        uint64_t version;
        uint32_t crc, zero;
    } value = {.version = 4};
    value.crc = crc32c(crc32c(0, "format", 6), &value.version, sizeof value.version);
    open_writer(MIB);
    put_raw("meta", "format", 6, &value, sizeof value);
    cr_assert_eq(open_as(true, MIB), ERR_VERSION);
    cr_assert(strstr(e.text, "version 4"), "%s", e.text);
    cr_assert_eq(open_as(false, 0), ERR_VERSION);
}

Test(journal_trouble, a_hole_between_records_is_seen)
{
    struct buffer b = {0};
    struct seen seen = {0};
    open_writer(MIB);
    append(1, 1, 3, 8);
    make_record(&b, 6, 1, 8, 'z');
    record_seal(b.data, b.size, &(struct record_place){.partition = 1, .first_pseq = 6, .commit = 2});
    put_raw("records", "\0\0\0\0\0\0\0\2\0\1\0\0\0\0\0\0\0\6", 18, b.data, b.size);
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT, "more than there should be: nothing is built on such ground");
    cr_assert_eq(open_as(false, 0), OK, "%s", e.text);
    cr_assert_eq(journal_read(j, 1, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
    cr_assert_eq(seen.count, 1);
    cr_assert(strstr(e.text, "pseq 6 where 4 is due"), "%s", e.text);
    cr_assert_eq(journal_read(j, 1, 5, SIZE_MAX, see, &seen, &e), ERR_CORRUPT, "begun in the hole");
    cr_assert_eq(journal_read(j, 1, 6, SIZE_MAX, see, &seen, &e), OK, "%s", e.text);
    buffer_free(&b);
}

Test(journal_trouble, a_damaged_record_is_not_handed_out)
{
    struct seen seen = {0};
    open_writer(MIB);
    append(1, 1, 3, 8);
    put_raw("records", "\0\0\0\0\0\0\0\1\0\1\0\0\0\0\0\0\0\1", 18, "\1\1\0\0\3\0\0\0garbage", 15);
    struct journal_options o = {.writer = false};
    cr_assert_eq(journal_open(&j, directory, &o, &e), OK, "%s", e.text);
    cr_assert_eq(journal_read(j, 1, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
    cr_assert_eq(seen.count, 0);
    cr_assert(strstr(e.text, "partition 1, pseq 1, commit 1"), "%s", e.text);
}

/* All its sums are right, but it is the record of another place: a page of before, or one that went to a wrong address.
 */
Test(journal_trouble, a_whole_record_in_the_wrong_place_is_not_handed_out)
{
    static const struct record_place others[] = {{2, 1, 1}, {1, 4, 1}, {1, 1, 2}};
    struct seen seen = {0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct buffer b = {0};
        char found[128];
        make_record(&b, 1, 3, 8, 'x');
        record_seal(b.data, b.size, &others[i]);
        if (i == 0) {
            open_writer(MIB);
            append(1, 1, 3, 8);
        }
        put_raw("records", "\0\0\0\0\0\0\0\1\0\1\0\0\0\0\0\0\0\1", 18, b.data, b.size);
        cr_assert_eq(open_as(false, 0), OK, "%s", e.text);
        cr_assert_eq(journal_read(j, 1, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
        snprintf(
            found, sizeof found,
            "partition 1, pseq 1, commit 1: the record found there is that of partition %u, pseq %llu, commit %llu",
            others[i].partition, (unsigned long long)others[i].first_pseq, (unsigned long long)others[i].commit);
        cr_assert(strstr(e.text, found), "%s", e.text);
        journal_close(&j);
        buffer_free(&b);
    }
    cr_assert_eq(seen.count, 0);
}

/* ---- the journal is gone ---- */

static void move_journal(const char *from, const char *to)
{
    char a[600], b[600];
    snprintf(a, sizeof a, "%s/%s", directory, from);
    snprintf(b, sizeof b, "%s/%s", directory, to);
    cr_assert_eq(rename(a, b), 0);
}

static const char *in_directory(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

Test(journal_trouble, where_a_journal_was_no_new_one_is_made)
{
    open_writer(MIB);
    append(1, 1, 3, 8);
    journal_close(&j);
    move_journal("journal", "elsewhere");
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
    cr_assert(strstr(e.text, "had a journal, and it is gone"), "%s", e.text);
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT, "nor at the second try");
    cr_assert_eq(journal_expected(directory, &e), ERR_CORRUPT);
    move_journal("elsewhere", "journal");
    open_writer(MIB);
    cr_assert_eq(last_of(1), 3);
}

Test(journal_trouble, an_empty_file_does_not_take_its_place)
{
    open_writer(MIB);
    journal_close(&j);
    move_journal("journal/data.mdb", "journal/old.mdb");
    char path[600];
    snprintf(path, sizeof path, "%s/journal/data.mdb", directory);
    fclose(fopen(path, "w"));
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
    cr_assert(strstr(e.text, "(journal/data.mdb is an empty file)"), "%s", e.text);
}

Test(journal_trouble, nor_does_another_journal_until_the_known_one_is_forgotten)
{
    open_writer(MIB);
    journal_close(&j);
    move_journal("journal", "first");
    cr_assert_eq(journal_forget(directory, &e), OK);
    open_writer(MIB);
    journal_close(&j);
    move_journal("journal", "second");
    move_journal("first", "journal");
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
    cr_assert(strstr(e.text, "put that one back"), "%s", e.text);
    cr_assert_eq(journal_forget(directory, &e), OK);
    open_writer(MIB);
}

/* Another journal than the one that state follows, and no journal.id to tell. */
static void make_state_of_journal(uint64_t id)
{
    struct state *state;
    struct state_options o = {.writer = true, .journal_id = id, .map_bytes = MIB};
    cr_assert_eq(state_open(&state, directory, &o, &e), OK, "%s", e.text);
    state_close(&state);
}

Test(journal_trouble, state_remembers_which_journal_it_was_when_journal_id_is_lost)
{
    open_writer(MIB);
    append(1, 1, 3, 8);
    uint64_t id = journal_id(j), term = journal_term(j);
    journal_close(&j);
    make_state_of_journal(id);
    cr_assert_eq(journal_forget(directory, &e), OK);
    move_journal("journal/data.mdb", "journal/first.mdb");
    fclose(fopen(in_directory("journal/data.mdb"), "w"));
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
    cr_assert(strstr(e.text, "had a journal, and it is gone (journal/data.mdb is an empty file)"), "%s", e.text);
    struct stat st;
    cr_assert_eq(stat(in_directory("journal/data.mdb"), &st), 0);
    cr_assert_eq(st.st_size, 0, "it is left as it was found");
    cr_assert_neq(access(in_directory("journal.id"), F_OK), 0, "no id is written anew");
    move_journal("journal/first.mdb", "journal/data.mdb");
    open_writer(MIB);
    cr_assert_eq(journal_id(j), id);
    cr_assert_eq(journal_term(j), term + 1);
}

Test(journal_trouble, another_journal_than_the_one_of_state_is_not_accepted_when_journal_id_is_lost)
{
    open_writer(MIB);
    uint64_t id = journal_id(j);
    journal_close(&j);
    cr_assert_eq(journal_forget(directory, &e), OK);
    make_state_of_journal(id + 1);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
        cr_assert(strstr(e.text, "(so says state): put that one back"), "%s", e.text);
        cr_assert_neq(access(in_directory("journal.id"), F_OK), 0, "no id is written anew");
    }
}

Test(journal_trouble, nor_is_any_when_state_cannot_say_which_it_was)
{
    open_writer(MIB);
    uint64_t id = journal_id(j);
    journal_close(&j);
    make_state_of_journal(id);
    cr_assert_eq(journal_forget(directory, &e), OK);
    FILE *f = fopen(in_directory("state/data.mdb"), "w");
    for (int i = 0; i < 16384; i++)
        fputc('x', f);
    fclose(f);
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT);
    cr_assert(strstr(e.text, "Put journal.id back"), "%s", e.text);
}

Test(journal_trouble, what_is_moved_away_while_it_is_open_is_written_no_more)
{
    uint64_t next = 1;
    open_writer(4 * MIB);
    cr_assert_eq(append(1, next, 1, 8), OK);
    move_journal("journal", "elsewhere");
    int64_t until_us = clock_mono_us() + 10000000;
    while (append(1, ++next, 1, 8) == OK) /* it is looked at every 100 ms */
        cr_assert_lt(clock_mono_us(), until_us);
    cr_assert(strstr(e.text, "was moved, deleted or replaced"), "%s", e.text);
    cr_assert_eq(journal_room(j, 1, &e), ERR_IO);
    move_journal("elsewhere", "journal");
    cr_assert_eq(append(1, next, 1, 8), OK, "%s", e.text);
    cr_assert_eq(journal_room(j, 1, &e), OK);
}

/* ---- everything is looked at ---- */

static uint64_t unchained;

static enum err verify_all(void)
{
    uint64_t last[4];
    return journal_verify(j, NULL, NULL, NULL, last, &unchained, &e);
}

/* As the thread that appends does when it has time. */
static void chain_all(void)
{
    while (journal_unchained(j))
        cr_assert_eq(journal_chain(j, &e), OK, "%s", e.text);
    if (!journal_chain_kept(j))
        cr_assert_eq(journal_keep_chain(j, &e), OK, "%s", e.text);
}

static void append_many(void)
{
    uint64_t first[4] = {1, 1, 1, 1};
    open_writer(16 * MIB);
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t p = i * i % 4;
        cr_assert_eq(append(p, first[p], 1 + i % 3, 40), OK, "%s", e.text);
        first[p] += 1 + i % 3;
    }
}

Test(journal_trouble, a_whole_journal_verifies)
{
    open_writer(MIB);
    cr_assert_eq(verify_all(), OK, "an empty one: %s", e.text);
    journal_close(&j);
    append_many();
    cr_assert_eq(verify_all(), OK, "%s", e.text);
    cr_assert_eq(unchained, 200, "nothing is hashed before the receipt");
    reopen(16 * MIB);
    chain_all();
    cr_assert_eq(append(3, last_of(3) + 1, 1, 8), OK, "%s", e.text);
    cr_assert_eq(verify_all(), OK, "%s", e.text);
    cr_assert_eq(unchained, 1);
}

Test(journal_trouble, a_chain_that_was_not_written_down_is_made_again)
{
    append_many();
    for (int i = 0; i < 100; i++)
        cr_assert_eq(journal_chain(j, &e), OK, "%s", e.text);
    reopen(16 * MIB); /* as a kill would: nothing was written behind the hashing */
    cr_assert_eq(journal_unchained(j), 200);
    cr_assert_eq(verify_all(), OK, "%s", e.text);
    chain_all();
    cr_assert_eq(verify_all(), OK, "%s", e.text);
    cr_assert_eq(unchained, 0);
}

Test(journal_trouble, the_chain_rides_along_with_the_next_commit)
{
    append_many();
    for (int i = 0; i < 150; i++)
        cr_assert_eq(journal_chain(j, &e), OK, "%s", e.text);
    cr_assert_eq(append(1, last_of(1) + 1, 1, 40), OK, "%s", e.text);
    cr_assert(journal_chain_kept(j));
    reopen(16 * MIB);
    cr_assert_eq(journal_unchained(j), 51);
    cr_assert_eq(verify_all(), OK, "%s", e.text);
    chain_all();
    cr_assert_eq(verify_all(), OK, "%s", e.text);
}

Test(journal_trouble, a_commit_that_failed_leaves_the_chain_as_it_was)
{
    append_many();
    for (int i = 0; i < 150; i++)
        cr_assert_eq(journal_chain(j, &e), OK, "%s", e.text);
    disk_error = EIO;
    cr_assert_neq(append(1, last_of(1) + 1, 1, 40), OK);
    fails_on_meta = true;
    cr_assert_neq(append(1, last_of(1) + 1, 1, 40), OK);
    disk_error = 0;
    cr_assert_eq(append(1, last_of(1) + 1, 1, 40), OK, "%s", e.text);
    chain_all();
    cr_assert_eq(verify_all(), OK, "%s", e.text);
    cr_assert_eq(unchained, 0);
}

Test(journal_trouble, damage_does_not_get_into_the_chain)
{
    append_many();
    put_raw("records", "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\1", 18, "\1\1\0\0\3\0\0\0garbage", 15);
    open_writer(16 * MIB);
    cr_assert_eq(journal_chain(j, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "partition 0, pseq 1, commit 1"), "%s", e.text);
    cr_assert_eq(journal_unchained(j), 200, "it would vouch for it");
}

/* Somebody who knows the format, and seals what he writes. */
Test(journal_trouble, a_record_that_was_rewritten_breaks_the_chain)
{
    struct buffer b = {0};
    append_many();
    chain_all();
    make_record(&b, 1, 1, 40, 'y'); /* another letter */
    record_seal(b.data, b.size, &(struct record_place){.partition = 0, .first_pseq = 1, .commit = 1});
    put_raw("records", "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\1", 18, b.data, b.size);
    open_writer(16 * MIB);
    cr_assert_eq(verify_all(), ERR_CORRUPT);
    cr_assert(strstr(e.text, "the chain breaks between commits 0 and 63"), "%s", e.text);
    buffer_free(&b);
}

Test(journal_trouble, so_does_one_that_came_into_the_chain_after_the_last_full_block)
{
    struct buffer b = {0};
    append_many();
    chain_all();
    uint64_t last = last_of(1);
    cr_assert_eq(append(1, last + 1, 1, 40), OK, "%s", e.text);
    make_record(&b, last + 1, 1, 40, 'y');
    record_seal(b.data, b.size, &(struct record_place){.partition = 1, .first_pseq = last + 1, .commit = 201});
    uint8_t key[18] = {[7] = 201, [9] = 1, [17] = (uint8_t)(last + 1)};
    chain_all();
    put_raw("records", (const char *)key, sizeof key, b.data, b.size);
    open_writer(16 * MIB);
    cr_assert_eq(verify_all(), ERR_CORRUPT);
    cr_assert(strstr(e.text, "the chain breaks between commits 192 and 201"), "%s", e.text);
    buffer_free(&b);
}

/* Takes a record away behind the journal's back. */
static void remove_end(const char *database, bool last)
{
    char path[96];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor;
    MDB_val k, v;
    uint64_t tail[STORE_TAIL_NUMBERS];
    journal_close(&j);
    snprintf(path, sizeof path, "%s/journal", directory);
    cr_assert(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 8) && !mdb_env_open(env, path, 0, 0600));
    cr_assert(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, database, 0, &dbi));
    cr_assert(!mdb_cursor_open(txn, dbi, &cursor));
    cr_assert(!mdb_cursor_get(cursor, &k, &v, last ? MDB_LAST : MDB_FIRST) && !mdb_cursor_del(cursor, 0));
    mdb_cursor_close(cursor);
    cr_assert(!stamp_check(txn, true, tail, &e) && !stamp_put(txn, tail) && !mdb_txn_commit(txn));
    mdb_env_close(env);
}

static void expect_corrupt_without(const char *database, bool last)
{
    struct journal_options o = {.writer = false};
    uint64_t all[4];
    remove_end(database, last);
    cr_assert_eq(journal_open(&j, directory, &o, &e), OK, "%s", e.text);
    cr_expect_eq(journal_verify(j, NULL, NULL, NULL, all, &unchained, &e), ERR_CORRUPT, "%s", database);
}

Test(journal_trouble, a_cut_end_is_noticed)
{
    append_many();
    expect_corrupt_without("records", true);
    cr_assert(strstr(e.text, "its end is cut off"), "%s", e.text);
    journal_close(&j);
    cr_assert_eq(open_as(true, 16 * MIB), ERR_CORRUPT, "and nothing is built on it");
}

Test(journal_trouble, a_beginning_that_is_missing_is_noticed)
{
    append_many();
    expect_corrupt_without("records", false);
}

Test(journal_trouble, so_is_a_link_of_the_chain)
{
    append_many();
    chain_all();
    expect_corrupt_without("chain", false);
}

Test(journal_trouble, so_is_a_line_of_the_index)
{
    append_many();
    expect_corrupt_without("index", true);
}

static bool see_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    (void)ctx, (void)number, (void)feeder;
    return true;
}

Test(journal_trouble, so_is_a_mark)
{
    append_many();
    remove_end("feeders", true);
    struct journal_options o = {.writer = false};
    cr_assert_eq(journal_open(&j, directory, &o, &e), OK, "%s", e.text);
    cr_assert_eq(journal_feeders(j, see_feeder, NULL, &e), ERR_CORRUPT, "or a repeat would be taken for new");
}
