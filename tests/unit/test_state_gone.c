/* Rejects that are taken back (rule I19). */
#include "state_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { PARTITION = 3, OWNER = 9 };

static void setup(void)
{
    make_directory();
    open_writer(16 * MIB);
    own(s, PARTITION, OWNER);
}

TestSuite(state_gone, .init = setup, .fini = remove_directory);

static struct state_reject_put reject_of(uint64_t seq, bool gone)
{
    struct state_reject_put r = {.feeder = 4, .row = UINT32_MAX, .epoch = 1, .seq = seq, .detail = "", .gone = gone};
    if (!gone) {
        r.detail = "too high";
        r.header = (struct reject_header){.reason = 108, .pseq = seq, .detail_bytes = 8};
    }
    return r;
}

static void commit(const struct state_reject_put *put, size_t count)
{
    static uint64_t applied;
    struct state_batch b = {.partition = PARTITION,
                            .owner_epoch = OWNER,
                            .applied_before = applied,
                            .applied = applied + 1,
                            .rejects = put,
                            .rejects_count = count};
    cr_assert_eq(state_commit(s, &b, 1, &e), OK, "%s", e.text);
    cr_assert_not(b.lost);
    applied++;
}

static bool see(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                const struct reject_header *header, const char *detail)
{
    char *out = ctx;
    (void)feeder, (void)epoch, (void)row, (void)header;
    sprintf(out + strlen(out), "%d:%s ", (int)seq, detail);
    return true;
}

static const char *all(void)
{
    static char out[512];
    *out = 0;
    cr_assert_eq(state_rejects_each(s, 4, 1, 0, 0, see, out, &e), OK, "%s", e.text);
    return out;
}

Test(state_gone, they_are_taken_out_in_order_with_the_others)
{
    struct state_reject_put first[] = {reject_of(1, false), reject_of(2, false), reject_of(3, false)};
    commit(first, 3);
    struct state_reject_put second[] = {
        reject_of(2, true),                     /* written by an earlier commit */
        reject_of(7, true),                     /* none there */
        reject_of(8, false), reject_of(8, true) /* written just now */
    };
    commit(second, 4);
    cr_assert_str_eq(all(), "1:too high 3:too high ");
    struct state_reject_put third[] = {reject_of(3, true), reject_of(3, false)}; /* rejected once more */
    commit(third, 2);
    cr_assert_str_eq(all(), "1:too high 3:too high ");
}

static bool count_later_half(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                             const struct reject_header *header, const char *detail)
{
    (void)feeder, (void)epoch, (void)row, (void)header, (void)detail;
    cr_assert_geq(seq, 2000);
    ++*(size_t *)ctx;
    return true;
}

/* So many that pages of the tree are merged and split between the puts. */
Test(state_gone, many_come_and_go_in_one_commit)
{
    enum { MANY = 2000 };
    static struct state_reject_put put[2 * MANY];
    size_t left = 0;
    for (size_t i = 0; i < MANY; i++)
        put[i] = reject_of(i, false);
    commit(put, MANY);
    for (size_t i = 0; i < MANY; i++) {
        put[2 * i] = reject_of(i * 7919 % MANY, true);
        put[2 * i + 1] = reject_of(MANY + i, false);
    }
    commit(put, 2 * MANY);
    cr_assert_eq(state_rejects_each(s, 4, 1, 0, 0, count_later_half, &left, &e), OK, "%s", e.text);
    cr_assert_eq(left, MANY);
}
