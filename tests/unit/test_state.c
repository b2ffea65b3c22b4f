#include "state_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(state, .init = make_directory, .fini = remove_directory, .timeout = 60);

Test(state, it_follows_one_journal)
{
    cr_assert_eq(open_in(&s, directory, false, 0, 0), ERR_NOT_FOUND);
    cr_assert_eq(open_in(&s, directory, true, 0, MIB), ERR_INVALID, "which journal?");
    open_writer(MIB);
    cr_assert_eq(open_in(&other, directory, false, JOURNAL, 0), ERR_BUSY);
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
    cr_assert_eq(open_in(&s, directory, false, JOURNAL, 0), OK, "%s", e.text);
    cr_assert_eq(applied_of(3), 2);
    struct state_cursor cursor;
    cr_assert_eq(state_cursor_get(s, 3, &cursor, &e), OK, "%s", e.text);
    cr_assert_eq(cursor.mark, 2002, "of the entry there");
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
    struct state_claim claim[3] = {{.partition = 3, .owner_epoch = 8}, {.partition = 4, .owner_epoch = 8}};
    open_writer(MIB);
    own(s, 3, 9);
    commit_one(s, 3, 9, 1);
    cr_assert_eq(state_claim(s, claim, 2, &e), OK, "%s", e.text);
    cr_assert_eq(claim[0].err, ERR_LOST);
    cr_assert_eq(claim[0].cursor.owner_epoch, 9);
    cr_assert_eq(claim[0].cursor.applied, 1);
    cr_assert(strstr(claim[0].why.text, "owner epoch 9, not 8"), "%s", claim[0].why.text);
    cr_assert_eq(claim[1].err, OK, "the others are taken");
    own(s, 3, 9); /* told twice */
    own(s, 3, 10);
    cr_assert_eq(state_cursor_get(s, 3, &claim[2].cursor, &e), OK, "%s", e.text);
    cr_assert_eq(claim[2].cursor.owner_epoch, 10);
    cr_assert_eq(claim[2].cursor.applied, 1);
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
