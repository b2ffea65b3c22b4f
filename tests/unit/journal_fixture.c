#include "journal_fixture.h"
#include "journal/record.h"
#include "store/internal.h"
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char directory[64];
struct journal *j;
struct err_text e;

void make_directory(void)
{
    strcpy(directory, "/tmp/test_journal.XXXXXX");
    cr_assert(mkdtemp(directory));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void remove_directory(void)
{
    journal_close(&j);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum err open_as(bool writer, size_t map_bytes)
{
    struct journal_options o = {.writer = writer, .partitions = 4, .map_bytes = map_bytes};
    return journal_open(&j, directory, &o, &e);
}

void open_writer(size_t map_bytes) { cr_assert_eq(open_as(true, map_bytes), OK, "%s", e.text); }

void reopen(size_t map_bytes)
{
    journal_close(&j);
    open_writer(map_bytes);
}

void make_record(struct buffer *b, uint64_t first, uint32_t count, size_t body_bytes, char letter)
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

enum err append_as(uint64_t commit, uint32_t partition, uint64_t first, uint32_t count, size_t body_bytes)
{
    struct buffer b = {0};
    make_record(&b, first, count, body_bytes, 'x');
    struct journal_put put = {partition, first, b.data, b.size};
    struct journal_mark mark = {1, {.epoch = 1, .last_seq = first + count - 1, .name = "h05"}};
    struct journal_group g = {.commit = commit, .put = &put, .put_count = 1, .mark = &mark, .mark_count = 1};
    enum err err = journal_append(j, &g, &e);
    buffer_free(&b);
    return err;
}

enum err append(uint32_t partition, uint64_t first, uint32_t count, size_t body_bytes)
{
    return append_as(journal_last_commit(j) + 1, partition, first, count, body_bytes);
}

uint64_t last_of(uint32_t partition)
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

uint64_t marked_seq(void)
{
    struct journal_feeder feeder = {0};
    cr_assert_eq(journal_feeders(j, take_feeder, &feeder, &e), OK, "%s", e.text);
    return feeder.last_seq;
}

bool see(void *ctx, uint64_t first_pseq, const void *record, size_t bytes)
{
    struct seen *seen = ctx;
    struct record_reader r;
    cr_assert_eq(record_open(&r, record, bytes, &e), OK, "%s", e.text);
    seen->first[seen->count++] = first_pseq;
    return seen->count != seen->stop_after;
}

struct seen read_from(uint32_t partition, uint64_t from, size_t bytes_max, size_t stop_after)
{
    struct seen seen = {.stop_after = stop_after};
    cr_assert_eq(journal_read(j, partition, from, bytes_max, see, &seen, &e), OK, "%s", e.text);
    return seen;
}

/* value NULL: deletes. */
static void change_raw(const char *database, MDB_val *key, MDB_val *value)
{
    char path[96];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    uint64_t tail[STORE_TAIL_NUMBERS];
    journal_close(&j);
    snprintf(path, sizeof path, "%s/journal", directory);
    cr_assert(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 8) && !mdb_env_open(env, path, 0, 0600));
    cr_assert(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, database, 0, &dbi));
    cr_assert(!stamp_check(txn, true, tail, &e) && !stamp_put(txn, tail));
    cr_assert(!(value ? mdb_put(txn, dbi, key, value, 0) : mdb_del(txn, dbi, key, NULL)) && !mdb_txn_commit(txn));
    mdb_env_close(env);
}

void put_raw(const char *database, const void *key, size_t key_bytes, const void *value, size_t bytes)
{
    MDB_val k = store_val(key, key_bytes), v = store_val(value, bytes);
    change_raw(database, &k, &v);
}

void remove_raw(const char *database, const void *key, size_t key_bytes)
{
    MDB_val k = store_val(key, key_bytes);
    change_raw(database, &k, NULL);
}
