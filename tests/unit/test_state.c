#include "base/clock.h"
#include "state/state.h"
#include "store/internal.h"
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, LEAVES = 88, NODES = 135, SERIES = 2, UNIT = 17, STAGE = 1 };

static char directory[64], other_directory[80];
static struct state *s, *other;
static struct err_text e;

static void make_directory(void)
{
    strcpy(directory, "/tmp/test_state.XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(other_directory, sizeof other_directory, "%s/other", directory);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_directory(void)
{
    state_close(&s);
    state_close(&other);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum err open_in(struct state **out, const char *where, bool writer, uint64_t journal_id, size_t map_bytes)
{
    struct state_options o = {.writer = writer, .journal_id = journal_id, .map_bytes = map_bytes};
    return state_open(out, where, &o, &e);
}

static void open_writer(size_t map_bytes)
{
    cr_assert_eq(open_in(&s, directory, true, 5, map_bytes), OK, "%s", e.text);
}

static void own(struct state *in, uint32_t partition, uint64_t epoch)
{
    struct state_cursor cursor;
    cr_assert_eq(state_own(in, partition, epoch, &cursor, &e), OK, "%s", e.text);
}

/* Effects of one submission with reject, distinct by `pseq`. */
struct effects {
    struct cell cells[LEAVES];
    int64_t points[NODES];
    struct state_values_put values;
    struct unit_score scores;
    struct state_tally_put tally;
    struct state_reject_put reject;
};

static struct state_batch make_batch(struct effects *f, uint32_t partition, uint64_t epoch, uint64_t pseq)
{
    *f = (struct effects){0};
    for (unsigned i = 0; i < LEAVES; i++)
        f->cells[i] = (struct cell){.value = i + 0.5, .observed_ms = 1000, .pseq = pseq, .flags = CELL_PRESENT};
    for (unsigned i = 0; i < NODES; i++)
        f->points[i] = (int64_t)(i * 1000 + pseq);
    f->values = (struct state_values_put){SERIES, UNIT, STAGE, f->cells, LEAVES};
    f->scores = (struct unit_score){.series = SERIES, .unit = UNIT, .points = f->points};
    f->scores.header = (struct score_header){.present = 1, .node_count = NODES, .cause_pseq = pseq};
    f->tally = (struct state_tally_put){.feeder = 4, .epoch = 1, .tally = {pseq, 88 * pseq, pseq}};
    f->reject = (struct state_reject_put){.feeder = 4, .row = 3, .epoch = 1, .seq = pseq, .detail = "too high"};
    f->reject.header = (struct reject_header){.reason = 108, .series = SERIES, .pseq = pseq, .detail_bytes = 8};
    return (struct state_batch){.partition = partition,
                                .owner_epoch = epoch,
                                .applied_before = pseq - 1,
                                .applied = pseq,
                                .values = &f->values,
                                .scores = &f->scores,
                                .tallies = &f->tally,
                                .rejects = &f->reject,
                                .values_count = 1,
                                .scores_count = 1,
                                .tallies_count = 1,
                                .rejects_count = 1};
}

static bool commit_one(struct state *to, uint32_t partition, uint64_t epoch, uint64_t pseq)
{
    struct effects f;
    struct state_batch b = make_batch(&f, partition, epoch, pseq);
    cr_assert_eq(state_commit(to, &b, 1, &e), OK, "%s", e.text);
    return !b.lost;
}

static uint64_t applied_of(uint32_t partition)
{
    struct state_cursor cursor;
    cr_assert_eq(state_cursor_get(s, partition, &cursor, &e), OK, "%s", e.text);
    return cursor.applied;
}

TestSuite(state, .init = make_directory, .fini = remove_directory, .timeout = 60);

Test(state, it_follows_one_journal)
{
    cr_assert_eq(open_in(&s, directory, false, 0, 0), ERR_NOT_FOUND);
    cr_assert_eq(open_in(&s, directory, true, 0, MIB), ERR_INVALID, "which journal?");
    open_writer(MIB);
    cr_assert_eq(open_in(&other, directory, false, 5, 0), ERR_BUSY);
    state_close(&s);
    cr_assert_eq(open_in(&s, directory, true, 6, MIB), ERR_INVALID);
    cr_assert(strstr(e.text, "follows journal 0000000000000005"), "%s", e.text);
    cr_assert_eq(open_in(&s, directory, false, 6, MIB), ERR_INVALID);
    cr_assert_eq(open_in(&s, directory, false, 0, 0), OK, "%s", e.text);
}

static bool see_score(void *ctx, uint32_t series, uint32_t unit, const struct score_header *header,
                      const int64_t *points)
{
    uint64_t *sum = ctx;
    *sum += series * 1000 + unit * 100 + (uint64_t)points[header->node_count - 1];
    return true;
}

static bool see_tally(void *ctx, uint32_t feeder, uint64_t epoch, const struct tally *tally)
{
    cr_assert(feeder == 4 && epoch == 1);
    *(struct tally *)ctx = *tally;
    return true;
}

static bool see_reject(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       const struct reject_header *header, const char *detail)
{
    char *out = ctx;
    sprintf(out + strlen(out), "%u/%d/%d/%u:%u:%s:p%u ", feeder, (int)epoch, (int)seq, row, header->reason, detail,
            header->partition);
    return true;
}

Test(state, what_was_committed_is_read_after_a_restart)
{
    struct cell cells[LEAVES];
    struct score_header header;
    int64_t points[NODES];
    open_writer(4 * MIB);
    own(s, 3, 9);
    cr_assert(commit_one(s, 3, 9, 1));
    cr_assert(commit_one(s, 3, 9, 2));
    state_close(&s);
    cr_assert_eq(open_in(&s, directory, false, 5, 0), OK, "%s", e.text);
    cr_assert_eq(applied_of(3), 2);
    cr_assert_eq(applied_of(4), 0);
    cr_assert_eq(state_values_get(s, 3, SERIES, UNIT, STAGE, cells, LEAVES, &e), OK, "%s", e.text);
    cr_assert_float_eq(cells[87].value, 87.5, 0);
    cr_assert_eq(cells[87].pseq, 2);
    cr_assert_eq(state_scores_get(s, 3, SERIES, UNIT, &header, points, NODES, &e), OK, "%s", e.text);
    cr_assert_eq(header.version, STATE_VERSION);
    cr_assert_eq(header.cause_pseq, 2);
    cr_assert_eq(points[134], 134002);
    struct tally tally = {0};
    cr_assert_eq(state_tallies_each(s, 3, see_tally, &tally, &e), OK, "%s", e.text);
    cr_assert_eq(tally.accepted_rows, 176);
}

Test(state, what_is_not_there_is_zero_and_not_found)
{
    struct cell cells[2] = {{.pseq = 7}, {.pseq = 7}};
    struct score_header header;
    int64_t points[1];
    open_writer(MIB);
    cr_assert_eq(state_values_get(s, 3, SERIES, UNIT, STAGE, cells, 2, &e), ERR_NOT_FOUND);
    cr_assert_eq(cells[1].pseq, 0);
    cr_assert_eq(state_scores_get(s, 3, SERIES, UNIT, &header, points, 1, &e), ERR_NOT_FOUND);
}

Test(state, sizes_are_checked)
{
    struct cell cells[LEAVES + 1];
    struct score_header header;
    int64_t points[NODES];
    open_writer(MIB);
    own(s, 3, 9);
    commit_one(s, 3, 9, 1);
    cr_assert_eq(state_values_get(s, 3, SERIES, UNIT, STAGE, cells, LEAVES + 1, &e), ERR_CORRUPT);
    cr_assert_eq(state_scores_get(s, 3, SERIES, UNIT, &header, points, NODES - 1, &e), ERR_TOO_LARGE);
    cr_assert(strstr(e.text, "series 2 unit 17"), "%s", e.text);
}

Test(state, scores_are_listed_by_partition_and_series_with_their_cursor)
{
    struct effects f;
    struct state_cursor cursor;
    uint64_t sum = 0;
    open_writer(MIB);
    own(s, 3, 9);
    own(s, 4, 9);
    commit_one(s, 3, 9, 1);
    commit_one(s, 4, 9, 1);
    struct state_batch b = make_batch(&f, 3, 9, 2);
    f.scores.series = SERIES + 1;
    cr_assert_eq(state_commit(s, &b, 1, &e), OK);
    cr_assert_eq(state_scores_each(s, 3, 0, &cursor, see_score, &sum, &e), OK, "%s", e.text);
    cr_assert_eq(sum, 2000 + 1700 + 134001 + 3000 + 1700 + 134002);
    cr_assert_eq(cursor.applied, 2);
    cr_assert_eq(cursor.owner_epoch, 9);
    sum = 0;
    cr_assert_eq(state_scores_each(s, 3, SERIES, &cursor, see_score, &sum, &e), OK, "%s", e.text);
    cr_assert_eq(sum, 2000 + 1700 + 134001);
    sum = 0;
    cr_assert_eq(state_scores_each(s, 5, 0, &cursor, see_score, &sum, &e), OK, "%s", e.text);
    cr_assert_eq(sum, 0);
}

Test(state, rejects_are_listed_from_a_position)
{
    char out[256] = "";
    open_writer(MIB);
    own(s, 3, 9);
    for (uint64_t i = 1; i <= 3; i++)
        commit_one(s, 3, 9, i);
    cr_assert_eq(state_rejects_each(s, 4, 1, 2, 0, see_reject, out, &e), OK, "%s", e.text);
    cr_assert_str_eq(out, "4/1/2/3:108:too high:p3 4/1/3/3:108:too high:p3 ");
    *out = '\0';
    cr_assert_eq(state_rejects_each(s, 4, 1, 3, 4, see_reject, out, &e), OK);
    cr_assert_str_eq(out, "");
}

Test(state, an_owner_is_replaced_only_by_a_later_one)
{
    struct state_cursor cursor;
    open_writer(MIB);
    own(s, 3, 9);
    commit_one(s, 3, 9, 1);
    cr_assert_eq(state_own(s, 3, 8, &cursor, &e), ERR_LOST);
    cr_assert_eq(cursor.owner_epoch, 9);
    cr_assert_eq(cursor.applied, 1);
    cr_assert(strstr(e.text, "owner epoch 9, not 8"), "%s", e.text);
    cr_assert_eq(state_own(s, 3, 9, &cursor, &e), OK, "told twice");
    cr_assert_eq(state_own(s, 3, 10, &cursor, &e), OK, "%s", e.text);
    cr_assert_eq(cursor.applied, 1);
}

Test(state, who_lost_the_partition_writes_nothing)
{
    struct effects f[3];
    open_writer(MIB);
    own(s, 3, 9);
    own(s, 4, 9);
    own(s, 5, 9);
    commit_one(s, 5, 9, 1);
    own(s, 4, 10);
    struct state_batch b[3] = {make_batch(&f[0], 3, 9, 1), make_batch(&f[1], 4, 9, 1), make_batch(&f[2], 5, 9, 3)};
    cr_assert_eq(state_commit(s, b, 3, &e), OK, "%s", e.text);
    cr_assert_not(b[0].lost);
    cr_assert(b[1].lost, "another owner");
    cr_assert(b[2].lost, "another cursor");
    cr_assert_eq(applied_of(3), 1);
    cr_assert_eq(applied_of(4), 0);
    cr_assert_eq(applied_of(5), 1);
    cr_assert_eq(state_values_get(s, 4, SERIES, UNIT, STAGE, f[1].cells, LEAVES, &e), ERR_NOT_FOUND);
    cr_assert_not(commit_one(s, 6, 9, 1), "never owned");
}

Test(state, a_full_map_refuses_and_keeps_serving)
{
    enum { UNITS = 200 };
    struct effects f;
    struct cell cells[LEAVES];
    static struct state_values_put many[UNITS];
    open_writer(MIB / 2);
    own(s, 3, 9);
    cr_assert(commit_one(s, 3, 9, 1));
    struct state_batch b = make_batch(&f, 3, 9, 2);
    for (uint32_t i = 0; i < UNITS; i++)
        many[i] = (struct state_values_put){SERIES, 1000 + i, STAGE, f.cells, LEAVES};
    b.values = many;
    b.values_count = UNITS;
    cr_assert_eq(state_commit(s, &b, 1, &e), ERR_FULL);
    cr_assert(strstr(e.text, "map is full"), "%s", e.text);
    cr_assert_eq(applied_of(3), 1);
    cr_assert_eq(state_values_get(s, 3, SERIES, 1000, STAGE, cells, LEAVES, &e), ERR_NOT_FOUND);
    cr_assert(commit_one(s, 3, 9, 2), "usable");
    state_close(&s);
    open_writer(4 * MIB);
    b.applied_before = 2;
    b.applied = 3;
    cr_assert_eq(state_commit(s, &b, 1, &e), OK, "%s", e.text);
    cr_assert_eq(state_values_get(s, 3, SERIES, 1199, STAGE, cells, LEAVES, &e), OK);
}

/* ---- compare ---- */

static const char *difference(void)
{
    static char text[256];
    cr_assert_eq(state_compare(s, other, text, sizeof text, &e), OK, "%s", e.text);
    return text;
}

static void open_two(void)
{
    open_writer(4 * MIB);
    cr_assert_eq(open_in(&other, other_directory, true, 5, 4 * MIB), OK, "%s", e.text);
    own(s, 3, 9);
    own(other, 3, 1);
    commit_one(s, 3, 9, 1);
    commit_one(other, 3, 1, 1);
}

Test(state, the_same_content_by_other_owners_compares_equal)
{
    open_two();
    own(s, 7, 1); /* owned, nothing applied: no content */
    cr_assert_str_eq(difference(), "");
}

Test(state, the_first_difference_is_named)
{
    struct effects f;
    open_two();
    struct state_batch b = make_batch(&f, 3, 9, 2);
    f.cells[0].received_ms = 1;
    cr_assert_eq(state_commit(s, &b, 1, &e), OK);
    cr_assert_str_eq(difference(), "cursor partition 3: byte 8 differs");
    commit_one(other, 3, 1, 2);
    cr_assert_str_eq(difference(), "values partition 3 series 2 unit 17 stage 1: byte 24 differs");
}

Test(state, what_only_one_has_is_named)
{
    struct effects f, g;
    open_two();
    struct state_batch b = make_batch(&f, 3, 9, 2), c = make_batch(&g, 3, 1, 2);
    f.reject.row = 5;
    cr_assert_eq(state_commit(s, &b, 1, &e), OK);
    cr_assert_eq(state_commit(other, &c, 1, &e), OK);
    cr_assert_str_eq(difference(), "only in the second: reject feeder 4 epoch 1 seq 2 row 3");
    own(s, 9, 1);
    commit_one(s, 9, 1, 1);
    cr_assert_str_eq(difference(), "only in the first: cursor partition 9");
}

Test(state, another_length_is_named)
{
    struct effects f;
    open_two();
    struct state_batch b = make_batch(&f, 3, 9, 2);
    f.scores.header.node_count--;
    cr_assert_eq(state_commit(s, &b, 1, &e), OK);
    commit_one(other, 3, 1, 2);
    cr_assert_str_eq(difference(), "scores partition 3 series 2 unit 17: 1112 bytes in the first, 1120 in the second");
}

Test(state, a_copy_made_while_open_is_the_same)
{
    open_writer(MIB);
    own(s, 3, 9);
    commit_one(s, 3, 9, 1);
    cr_assert_eq(state_copy(s, other_directory, &e), OK, "%s", e.text);
    cr_assert_eq(open_in(&other, other_directory, false, 5, 0), OK, "%s", e.text);
    cr_assert_str_eq(difference(), "");
}

/* ---- other processes ---- */

enum { COMMITS = 200, DEADLINE_US = 20 * 1000 * 1000 };
/* While one reader has to wait for its turn, no page is used again. */
enum { SHARED_BYTES = 64 * MIB };

static bool same_as_cursor(void *ctx, uint32_t series, uint32_t unit, const struct score_header *header,
                           const int64_t *points)
{
    (void)series, (void)unit;
    uint64_t *seen = ctx;
    *seen = (uint64_t)points[0] == header->cause_pseq ? header->cause_pseq : UINT64_MAX;
    return true;
}

/* Runs in the child: the scores must always be those of the cursor read with them. */
static int follow(void)
{
    int64_t deadline = clock_mono_us() + DEADLINE_US;
    struct state_cursor cursor = {0};
    struct state *own_state = NULL;
    enum err err;
    while ((err = open_in(&own_state, directory, false, 0, 0)) == ERR_NOT_FOUND && clock_mono_us() < deadline)
        ;
    if (err)
        return 10 + (int)err;
    while (cursor.applied < COMMITS && clock_mono_us() < deadline) {
        uint64_t seen = 0;
        if (state_scores_each(own_state, 3, 0, &cursor, same_as_cursor, &seen, NULL) != OK)
            return 2;
        if (seen != cursor.applied)
            return 3;
    }
    state_close(&own_state);
    return cursor.applied == COMMITS ? 0 : 4;
}

/* A second scorer with a partition of its own. */
static int write_other_partition(void)
{
    if (open_in(&s, directory, true, 5, SHARED_BYTES) != OK)
        return 1;
    own(s, 8, 2);
    for (uint64_t i = 1; i <= COMMITS; i++)
        if (!commit_one(s, 8, 2, i))
            return 2;
    state_close(&s);
    return 0;
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

Test(state, others_write_and_read_at_the_same_time)
{
    pid_t reader = start(follow), writer = start(write_other_partition);
    open_writer(SHARED_BYTES);
    own(s, 3, 9);
    for (uint64_t i = 1; i <= COMMITS; i++)
        cr_assert(commit_one(s, 3, 9, i));
    cr_assert_eq(finish(reader), 0);
    cr_assert_eq(finish(writer), 0);
    cr_assert_eq(applied_of(3), COMMITS);
    cr_assert_eq(applied_of(8), COMMITS);
}

/* ---- damage ---- */

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
    cr_assert_eq(state_verify(s, NULL, NULL, &e), OK, "%s", e.text);
}

static void expect_found(const char *database)
{
    for (int flip = 0; flip < 2; flip++) {
        setup_damage();
        spoil_first(database, flip);
        cr_expect_eq(state_verify(s, NULL, NULL, &e), ERR_CORRUPT, "%s, flip %d", database, flip);
        state_close(&s);
        remove_directory();
        make_directory();
    }
}

Test(state, a_row_that_is_changed_or_vanishes_is_found_by_who_reads_all)
{
    static const char *const databases[] = {"partitions", "values", "scores", "tallies", "rejects"};
    for (size_t i = 0; i < sizeof databases / sizeof *databases; i++)
        expect_found(databases[i]);
}

Test(state, a_score_that_vanishes_is_found_by_who_reads_its_partition_or_its_series)
{
    struct state_cursor cursor;
    setup_damage();
    spoil_first("scores", false);
    cr_assert_eq(state_scores_each(s, 3, 0, &cursor, any_score, NULL, &e), ERR_CORRUPT);
    cr_assert_eq(state_scores_each(s, 3, SERIES, &cursor, any_score, NULL, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "0 rows of scores"), "%s", e.text);
}

Test(state, values_that_vanish_are_found_by_who_reads_their_unit)
{
    struct score_header header;
    int64_t points[NODES];
    setup_damage();
    spoil_first("values", false);
    cr_assert_eq(state_scores_get(s, 3, SERIES, UNIT, &header, points, NODES, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "do not belong together"), "%s", e.text);
}

Test(state, a_cursor_that_vanishes_is_not_taken_for_a_new_partition)
{
    struct state_cursor cursor;
    setup_damage();
    spoil_first("partitions", false);
    cr_assert_eq(state_cursor_get(s, 3, &cursor, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "has rows, but no cursor"), "%s", e.text);
}
