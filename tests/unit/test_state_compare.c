/* Two states side by side. */
#include "state_fixture.h"
#include <criterion/criterion.h>

TestSuite(state_compare, .init = make_directory, .fini = remove_directory, .timeout = 60);

static const char *difference(void)
{
    static char text[256];
    cr_assert_eq(state_compare(s, other, text, sizeof text, &e), OK, "%s", e.text);
    return text;
}

static void open_two(void)
{
    open_writer(4 * MIB);
    cr_assert_eq(open_in(&other, other_directory, true, JOURNAL, 4 * MIB), OK, "%s", e.text);
    own(s, 3, 9);
    own(other, 3, 1);
    commit_one(s, 3, 9, 1);
    commit_one(other, 3, 1, 1);
}

Test(state_compare, the_same_content_by_other_owners_compares_equal)
{
    open_two();
    own(s, 7, 1); /* owned, nothing applied: no content */
    cr_assert_str_eq(difference(), "");
}

Test(state_compare, the_first_difference_is_named)
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

Test(state_compare, what_only_one_has_is_named)
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

Test(state_compare, another_length_is_named)
{
    struct effects f;
    open_two();
    struct state_batch b = make_batch(&f, 3, 9, 2);
    f.scores.header.node_count--;
    cr_assert_eq(state_commit(s, &b, 1, &e), OK);
    commit_one(other, 3, 1, 2);
    cr_assert_str_eq(difference(), "scores partition 3 series 2 unit 17: 1112 bytes in the first, 1120 in the second");
}

Test(state_compare, a_copy_made_while_open_is_the_same)
{
    open_writer(MIB);
    own(s, 3, 9);
    commit_one(s, 3, 9, 1);
    cr_assert_eq(state_copy(s, other_directory, &e), OK, "%s", e.text);
    cr_assert_eq(open_in(&other, other_directory, false, JOURNAL, 0), OK, "%s", e.text);
    cr_assert_str_eq(difference(), "");
}
