#include "base/clock.h"
#include "journal/journal.h"
#include "journal/record.h"
#include "store/store.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a disk that fails on demand: these stand before libc's for LMDB too ---- */

static int disk_error;                    /* errno of a failing call; 0: the disk is fine */
static bool fails_on_sync, fails_on_meta; /* which calls; a meta page is written at offset 0 or one page */
static bool meta_lands_anyway;            /* the first failing write of a meta page reaches the disk all the same */
static unsigned syncs;

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    if (disk_error && !fails_on_sync && fails_on_meta == (offset < 8192 && bytes < 4096)) {
        if (meta_lands_anyway)
            syscall(SYS_pwrite64, fd, data, bytes, offset);
        meta_lands_anyway = false;
        errno = disk_error;
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

/* ---- a journal in a directory of its own ---- */

static char directory[64];
static struct journal *j;
static struct err_text e;

static void make_directory(void)
{
    strcpy(directory, "/tmp/test_journal.XXXXXX");
    cr_assert(mkdtemp(directory));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_directory(void)
{
    journal_close(&j);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum err open_as(bool writer, size_t map_bytes)
{
    struct journal_options o = {.writer = writer, .partitions = 4, .map_bytes = map_bytes};
    return journal_open(&j, directory, &o, &e);
}

static void open_writer(size_t map_bytes) { cr_assert_eq(open_as(true, map_bytes), OK, "%s", e.text); }

static void reopen(size_t map_bytes)
{
    journal_close(&j);
    open_writer(map_bytes);
}

enum { MIB = 1 << 20 };

/* A record of `count` submissions whose bodies are `body_bytes` of the letter given. */
static void make_record(struct buffer *b, uint64_t first, uint32_t count, size_t body_bytes, char letter)
{
    char *body = malloc(body_bytes + 1);
    memset(body, letter, body_bytes);
    buffer_clear(b);
    record_begin(b, RECORD_DATA, 1000, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct record_entry entry = {.body_bytes = (uint32_t)body_bytes, .feeder = 1, .epoch = 1, .seq = first + i};
        record_add(b, 0, &entry, body);
    }
    free(body);
}

static enum err append(uint32_t partition, uint64_t first, uint32_t count, size_t body_bytes)
{
    struct buffer b = {0};
    make_record(&b, first, count, body_bytes, 'x');
    struct journal_put put = {partition, first, b.data, b.size};
    struct journal_mark mark = {1, {.epoch = 1, .last_seq = first + count - 1, .name = "h05"}};
    struct journal_group g = {.put = &put, .put_count = 1, .mark = &mark, .mark_count = 1};
    enum err code = journal_append(j, &g, &e);
    buffer_free(&b);
    return code;
}

static uint64_t last_of(uint32_t partition)
{
    uint64_t last = 99;
    cr_assert_eq(journal_last_pseq(j, partition, &last, &e), OK, "%s", e.text);
    return last;
}

static bool take_feeder(void *ctx, uint32_t number, const struct journal_feeder *feeder)
{
    cr_assert_eq(number, 1);
    *(struct journal_feeder *)ctx = *feeder;
    return true;
}

static uint64_t marked_seq(void)
{
    struct journal_feeder feeder = {0};
    cr_assert_eq(journal_feeders(j, take_feeder, &feeder, &e), OK, "%s", e.text);
    return feeder.last_seq;
}

struct seen {
    uint64_t first[64];
    size_t count, stop_after;
};

static bool see(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct seen *seen = ctx;
    struct record_reader r;
    cr_assert_eq(record_open(&r, record, bytes, &e), OK, "%s", e.text);
    seen->first[seen->count++] = first_pseq;
    return seen->count != seen->stop_after;
}

static struct seen read_from(uint32_t partition, uint64_t from, size_t bytes_max, size_t stop_after)
{
    struct seen seen = {.stop_after = stop_after};
    cr_assert_eq(journal_read(j, partition, from, bytes_max, see, &seen, &e), OK, "%s", e.text);
    return seen;
}

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
    struct journal_group g = {.put = put, .put_count = 2, .mark = &mark, .mark_count = 1};
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
    struct journal_group g = {.put = put, .put_count = 2};
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
        struct journal_group g = {.put = put};
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
    struct journal_group g = {.put = put, .put_count = 3};
    cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    expect_readable_from_everywhere(last);
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

Test(journal, every_append_is_synced)
{
    open_writer(MIB);
    unsigned before = syncs;
    for (uint64_t i = 1; i <= 5; i++)
        append(0, i, 1, 100);
    cr_assert_geq(syncs, before + 5);
}

/* ---- no room, and a disk that fails ---- */

static uint64_t fill(size_t body_bytes)
{
    uint64_t count = 0;
    enum err code;
    while ((code = append(0, count + 1, 1, body_bytes)) == OK)
        count++;
    cr_assert_eq(code, ERR_FULL, "%s", e.text);
    return count;
}

Test(journal, a_full_map_refuses_and_keeps_serving)
{
    open_writer(MIB / 2);
    uint64_t count = fill(20000);
    cr_assert_gt(count, 10);
    cr_assert(strstr(e.text, "map is full"), "%s", e.text);
    cr_assert_lt(journal_bytes_free(j), (size_t)60000);
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

Test(journal, a_full_disk_refuses_and_is_survived)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(ENOSPC, false, false);
    expect_nothing_happened(ERR_FULL);
}

Test(journal, a_failed_write_is_survived)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, false, false);
    expect_nothing_happened(ERR_IO);
}

Test(journal, a_failed_sync_is_survived)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, true, false);
    expect_nothing_happened(ERR_IO);
}

Test(journal, a_failed_meta_page_opens_the_environment_anew)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, false, true);
    expect_nothing_happened(ERR_IO);
}

Test(journal, a_group_that_landed_although_the_disk_said_no_is_not_taken_twice)
{
    open_writer(MIB);
    append(0, 1, 2, 100);
    fail_with(EIO, false, true);
    meta_lands_anyway = true;
    cr_assert_eq(append(0, 3, 1, 9), ERR_IO, "%s", e.text);
    disk_error = 0;
    cr_assert_eq(append(0, 3, 1, 9), ERR_INVALID, "it is there: %s", e.text);
    cr_assert_eq(last_of(0), 3);
    cr_assert_eq(marked_seq(), 3);
    cr_assert_eq(append(0, 4, 1, 9), OK, "%s", e.text);
}

/* ---- damage and strange versions ---- */

/* Writes behind the journal's back. */
static void put_raw(const char *database, const void *key, size_t key_bytes, const void *value, size_t bytes)
{
    char path[96];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {key_bytes, (void *)key}, v = {bytes, (void *)value};
    journal_close(&j);
    snprintf(path, sizeof path, "%s/journal", directory);
    cr_assert(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 8) && !mdb_env_open(env, path, 0, 0600));
    cr_assert(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, database, 0, &dbi));
    cr_assert(!mdb_put(txn, dbi, &k, &v, 0) && !mdb_txn_commit(txn));
    mdb_env_close(env);
}

Test(journal, a_newer_format_is_refused_untouched)
{
    uint64_t version = 3;
    open_writer(MIB);
    put_raw("meta", "format", 6, &version, sizeof version);
    cr_assert_eq(open_as(true, MIB), ERR_VERSION);
    cr_assert(strstr(e.text, "version 3"), "%s", e.text);
    cr_assert_eq(open_as(false, 0), ERR_VERSION);
}

Test(journal, a_hole_between_records_is_seen)
{
    struct buffer b = {0};
    struct seen seen = {0};
    open_writer(MIB);
    append(1, 1, 3, 8);
    make_record(&b, 6, 1, 8, 'z');
    put_raw("records", "\0\0\0\0\0\0\0\2\0\1\0\0\0\0\0\0\0\6", 18, b.data, b.size);
    cr_assert_eq(open_as(true, MIB), ERR_CORRUPT, "nothing is built on damaged ground");
    cr_assert_eq(open_as(false, 0), OK, "%s", e.text);
    cr_assert_eq(journal_read(j, 1, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
    cr_assert_eq(seen.count, 1);
    cr_assert(strstr(e.text, "pseq 6 where 4 is due"), "%s", e.text);
    cr_assert_eq(journal_read(j, 1, 5, SIZE_MAX, see, &seen, &e), ERR_CORRUPT, "begun in the hole");
    cr_assert_eq(journal_read(j, 1, 6, SIZE_MAX, see, &seen, &e), OK, "%s", e.text);
    buffer_free(&b);
}

Test(journal, a_damaged_record_is_not_handed_out)
{
    struct seen seen = {0};
    open_writer(MIB);
    append(1, 1, 3, 8);
    put_raw("records", "\0\0\0\0\0\0\0\1\0\1\0\0\0\0\0\0\0\1", 18, "\1\1\0\0\3\0\0\0garbage", 15);
    struct journal_options o = {.writer = false};
    cr_assert_eq(journal_open(&j, directory, &o, &e), OK, "%s", e.text);
    cr_assert_eq(journal_read(j, 1, 1, SIZE_MAX, see, &seen, &e), ERR_CORRUPT);
    cr_assert_eq(seen.count, 0);
    cr_assert(strstr(e.text, "partition 1, record 1"), "%s", e.text);
}

/* ---- other processes ---- */

enum { GROUPS = 300, DEADLINE_US = 20 * 1000 * 1000 };

struct pair_check {
    struct journal *journal;
    bool equal;
};

/* Within one read everything is of one instant, nested reads included. */
static bool both_partitions_agree(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct pair_check *check = ctx;
    uint64_t zero = 0, one = 0;
    (void)first_pseq, (void)record, (void)bytes;
    check->equal = journal_last_pseq(check->journal, 0, &zero, NULL) == OK &&
                   journal_last_pseq(check->journal, 1, &one, NULL) == OK && zero == one;
    return false;
}

/* Runs in the child; its exit status says what was wrong. */
static int follow(void)
{
    struct journal_options o = {.writer = false};
    struct journal *own = NULL;
    int64_t deadline = clock_mono_us() + DEADLINE_US;
    enum err code;
    while ((code = journal_open(&own, directory, &o, NULL)) == ERR_NOT_FOUND && clock_mono_us() < deadline)
        ;
    if (code)
        return 10 + (int)code;
    uint64_t last = 0;
    while (last < GROUPS && clock_mono_us() < deadline) {
        struct pair_check check = {own, true};
        if (journal_read(own, 0, 1, 1, both_partitions_agree, &check, NULL) != OK)
            return 2;
        if (!check.equal)
            return 3;
        if (journal_last_pseq(own, 0, &last, NULL) != OK)
            return 4;
    }
    journal_close(&own);
    return last == GROUPS ? 0 : 5;
}

static pid_t start(int (*work)(void))
{
    pid_t pid = fork(); /* before anything is open */
    cr_assert_geq(pid, 0);
    if (pid == 0)
        _exit(work());
    return pid;
}

static int finish(pid_t pid)
{
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

Test(journal, others_read_whole_groups_while_it_is_written)
{
    struct buffer b = {0};
    pid_t readers[2] = {start(follow), start(follow)};
    open_writer(16 * MIB);
    for (uint64_t i = 1; i <= GROUPS; i++) {
        make_record(&b, i, 1, 3000, 'r');
        struct journal_put put[2] = {{0, i, b.data, b.size}, {1, i, b.data, b.size}};
        struct journal_group g = {.put = put, .put_count = 2};
        cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    }
    cr_assert_eq(finish(readers[0]), 0);
    cr_assert_eq(finish(readers[1]), 0);
    buffer_free(&b);
}

/* Opens and closes as fast as it can: the last one to close destroys what the next one to open needs. */
static int open_and_close(void)
{
    struct journal_options o = {.writer = false};
    for (unsigned i = 0; i < 200; i++) {
        struct journal *own = NULL;
        uint64_t last;
        if (journal_open(&own, directory, &o, NULL) != OK)
            return 1;
        if (journal_last_pseq(own, 0, &last, NULL) != OK || last != 1)
            return 2;
        journal_close(&own);
    }
    return 0;
}

Test(journal, opening_while_another_process_closes_works)
{
    open_writer(MIB);
    append(0, 1, 1, 8);
    journal_close(&j);
    pid_t pids[4];
    for (unsigned i = 0; i < 4; i++)
        pids[i] = start(open_and_close);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(finish(pids[i]), 0);
}

static int grow_with_a_larger_map(void)
{
    if (open_as(true, 32 * MIB) != OK)
        return 1;
    for (uint64_t i = 2; i <= 9; i++)
        if (append(0, i, 1, MIB / 2) != OK)
            return 2;
    journal_close(&j);
    return 0;
}

Test(journal, a_map_that_another_process_made_larger_is_followed)
{
    int go[2], token = 0;
    open_writer(MIB);
    append(0, 1, 1, 8);
    journal_close(&j);
    cr_assert_eq(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(read(go[0], &token, sizeof token) == sizeof token ? grow_with_a_larger_map() : 3);
    cr_assert_eq(open_as(false, MIB), OK, "%s", e.text);
    cr_assert_eq(last_of(0), 1);
    cr_assert_eq(write(go[1], &token, sizeof token), sizeof token);
    cr_assert_eq(finish(pid), 0);
    cr_assert_eq(last_of(0), 9);
    cr_assert_eq(read_from(0, 1, SIZE_MAX, 0).count, 9);
}

Test(journal, a_copy_made_while_open_is_a_journal)
{
    char copy[128];
    open_writer(MIB);
    append(0, 1, 4, 500);
    uint64_t id = journal_id(j);
    snprintf(copy, sizeof copy, "%s/copy", directory);
    cr_assert_eq(journal_copy(j, copy, &e), OK, "%s", e.text);
    cr_assert_eq(journal_copy(j, copy, &e), ERR_INVALID, "never over another");
    append(0, 5, 1, 500);
    journal_close(&j);
    struct journal_options o = {.writer = false};
    cr_assert_eq(journal_open(&j, copy, &o, &e), OK, "%s", e.text);
    cr_assert_eq(journal_id(j), id);
    cr_assert_eq(last_of(0), 4);
}
