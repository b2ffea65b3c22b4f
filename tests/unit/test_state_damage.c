/* A row that is not what was written, or gone. */
#include "state_fixture.h"
#include "store/internal.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(state_damage, .init = make_directory, .fini = remove_directory, .timeout = 60);

/* Does something to the first row of a database, as a flipped bit in a page would. */
static void spoil_first(const char *database, bool flip)
{
    char path[200];
    uint64_t tail[STORE_TAIL_NUMBERS];
    struct err_text text;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor;
    MDB_val k, v;
    uint8_t row[8192];
    state_close(&s);
    snprintf(path, sizeof path, "%s/state", directory);
    cr_assert(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 8) && !mdb_env_open(env, path, 0, 0600));
    cr_assert(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, database, 0, &dbi));
    cr_assert(!mdb_cursor_open(txn, dbi, &cursor) && !mdb_cursor_get(cursor, &k, &v, MDB_FIRST));
    memcpy(row, v.mv_data, v.mv_size);
    row[v.mv_size / 2] ^= 1;
    MDB_val spoilt = {v.mv_size, row};
    cr_assert(!(flip ? mdb_cursor_put(cursor, &k, &spoilt, MDB_CURRENT) : mdb_cursor_del(cursor, 0)));
    mdb_cursor_close(cursor);
    cr_assert(!stamp_check(txn, true, tail, &text) && !stamp_put(txn, tail) && !mdb_txn_commit(txn));
    mdb_env_close(env);
    open_writer(MIB);
}

static bool any_score(void *ctx, uint32_t series, uint32_t unit, const struct score_header *header,
                      const int64_t *points)
{
    (void)ctx, (void)series, (void)unit, (void)header, (void)points;
    return true;
}

static void setup_damage(void)
{
    open_writer(MIB);
    own(s, 3, 9);
    cr_assert(commit_one(s, 3, 9, 1));
    cr_assert_eq(state_verify(s, NULL, NULL, NULL, &e), OK, "%s", e.text);
}

static void expect_found(const char *database)
{
    for (int flip = 0; flip < 2; flip++) {
        setup_damage();
        spoil_first(database, flip);
        cr_expect_eq(state_verify(s, NULL, NULL, NULL, &e), ERR_CORRUPT, "%s, flip %d", database, flip);
        state_close(&s);
        remove_directory();
        make_directory();
    }
}

Test(state_damage, a_row_that_is_changed_or_vanishes_is_found_by_who_reads_all)
{
    static const char *const databases[] = {"partitions", "values", "scores", "tallies", "rejects"};
    for (size_t i = 0; i < sizeof databases / sizeof *databases; i++)
        expect_found(databases[i]);
}

Test(state_damage, a_score_that_vanishes_is_found_by_who_reads_its_partition_or_its_series)
{
    struct state_cursor cursor;
    setup_damage();
    spoil_first("scores", false);
    cr_assert_eq(state_scores_each(s, 3, 0, &cursor, any_score, NULL, &e), ERR_CORRUPT);
    cr_assert_eq(state_scores_each(s, 3, SERIES, &cursor, any_score, NULL, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "0 rows of scores"), "%s", e.text);
}

Test(state_damage, values_that_vanish_are_found_by_who_reads_their_unit)
{
    struct score_header header;
    int64_t points[NODES];
    setup_damage();
    spoil_first("values", false);
    cr_assert_eq(state_scores_get(s, 3, SERIES, UNIT, &header, points, NODES, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "do not belong together"), "%s", e.text);
}

Test(state_damage, a_cursor_that_vanishes_is_not_taken_for_a_new_partition)
{
    struct state_cursor cursor;
    setup_damage();
    spoil_first("partitions", false);
    cr_assert_eq(state_cursor_get(s, 3, &cursor, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "has rows, but no cursor"), "%s", e.text);
}

/* Who cannot show that it is still the owner is none; when the partition is taken again, the damage is told. */
Test(state_damage, a_damaged_cursor_holds_up_its_own_partition_alone)
{
    struct effects f[2];
    setup_damage();
    own(s, 4, 9);
    spoil_first("partitions", true);
    struct state_batch b[2] = {make_batch(&f[0], 3, 9, 2), make_batch(&f[1], 4, 9, 1)};
    cr_assert_eq(state_commit(s, b, 2, &e), OK, "%s", e.text);
    cr_assert(b[0].lost);
    cr_assert_not(b[1].lost);
    cr_assert_eq(applied_of(4), 1);
    struct state_claim claim = {.partition = 3, .owner_epoch = 10};
    cr_assert_eq(state_claim(s, &claim, 1, &e), OK, "%s", e.text);
    cr_assert_eq(claim.err, ERR_CORRUPT);
    cr_assert(strstr(claim.why.text, "its checksum is wrong"), "%s", claim.why.text);
}

struct rejects_seen {
    size_t whole, damaged;
    uint64_t damaged_seq;
};

static bool see_reject(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       const struct reject_header *header, const char *detail)
{
    struct rejects_seen *seen = ctx;
    (void)feeder, (void)epoch, (void)row;
    seen->whole += header != NULL;
    seen->damaged += header == NULL;
    if (header)
        return true;
    seen->damaged_seq = seq;
    cr_assert(strstr(detail, "its checksum is wrong"), "%s", detail);
    return true;
}

Test(state_damage, a_damaged_reject_is_told_and_keeps_nobody_from_the_others)
{
    struct rejects_seen seen = {0};
    setup_damage();
    cr_assert(commit_one(s, 3, 9, 2));
    spoil_first("rejects", true);
    cr_assert_eq(state_rejects_each(s, 4, 1, 0, 0, see_reject, &seen, &e), OK, "%s", e.text);
    cr_assert_eq(seen.damaged, 1);
    cr_assert_eq(seen.damaged_seq, 1);
    cr_assert_eq(seen.whole, 1);
}

static void count_fault(void *ctx, const char *sentence)
{
    size_t *faults = ctx;
    ++*faults;
    cr_assert(strstr(sentence, "rejects: row 1: its checksum is wrong") ||
                  strstr(sentence, "scores: row 1: its checksum"),
              "%s", sentence);
}

Test(state_damage, each_fault_is_named_once_to_who_listens)
{
    size_t faults = 0;
    setup_damage();
    cr_assert(commit_one(s, 3, 9, 2));
    spoil_first("rejects", true);
    spoil_first("scores", true);
    cr_assert_eq(state_verify(s, NULL, count_fault, &faults, &e), ERR_CORRUPT);
    cr_assert_eq(faults, 2);
    cr_assert(strstr(e.text, "2 faults"), "%s", e.text);
}
