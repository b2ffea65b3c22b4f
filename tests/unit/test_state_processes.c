/* Several processes with one state. */
#include "base/clock.h"
#include "child.h"
#include "state_fixture.h"
#include <criterion/criterion.h>

TestSuite(state_processes, .init = make_directory, .fini = remove_directory, .timeout = 60);

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
    if (open_in(&s, directory, true, JOURNAL, SHARED_BYTES) != OK)
        return 1;
    own(s, 8, 2);
    for (uint64_t i = 1; i <= COMMITS; i++)
        if (!commit_one(s, 8, 2, i))
            return 2;
    state_close(&s);
    return 0;
}

Test(state_processes, others_write_and_read_at_the_same_time)
{
    pid_t reader = child_start(follow), writer = child_start(write_other_partition);
    open_writer(SHARED_BYTES);
    own(s, 3, 9);
    for (uint64_t i = 1; i <= COMMITS; i++)
        cr_assert(commit_one(s, 3, 9, i));
    cr_assert_eq(child_finish(reader), 0);
    cr_assert_eq(child_finish(writer), 0);
    cr_assert_eq(applied_of(3), COMMITS);
    cr_assert_eq(applied_of(8), COMMITS);
}
