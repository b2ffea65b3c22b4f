#include "base/clock.h"
#include "child.h"
#include "journal/record.h"
#include "journal_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(journal_processes, .init = make_directory, .fini = remove_directory, .timeout = 60);

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
    enum err err;
    while ((err = journal_open(&own, directory, &o, NULL)) == ERR_NOT_FOUND && clock_mono_us() < deadline)
        ;
    if (err)
        return 10 + (int)err;
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

Test(journal_processes, others_read_whole_groups_while_it_is_written)
{
    struct buffer b = {0};
    pid_t readers[2] = {child_start(follow), child_start(follow)};
    open_writer(16 * MIB);
    for (uint64_t i = 1; i <= GROUPS; i++) {
        make_record(&b, i, 1, 3000, 'r');
        struct journal_put put[2] = {{0, i, b.data, b.size}, {1, i, b.data, b.size}};
        struct journal_group g = {.commit = journal_last_commit(j) + 1, .put = put, .put_count = 2};
        cr_assert_eq(journal_append(j, &g, &e), OK, "%s", e.text);
    }
    cr_assert_eq(child_finish(readers[0]), 0);
    cr_assert_eq(child_finish(readers[1]), 0);
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

Test(journal_processes, opening_while_another_process_closes_works)
{
    open_writer(MIB);
    append(0, 1, 1, 8);
    journal_close(&j);
    pid_t pids[4];
    for (unsigned i = 0; i < 4; i++)
        pids[i] = child_start(open_and_close);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(child_finish(pids[i]), 0);
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

Test(journal_processes, a_map_that_another_process_made_larger_is_followed)
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
    cr_assert_eq(child_finish(pid), 0);
    cr_assert_eq(last_of(0), 9);
    cr_assert_eq(read_from(0, 1, SIZE_MAX, 0).count, 9);
}

/* With the lock gone, nothing else keeps two writers apart. */
static int take_over(void)
{
    char lock[96];
    snprintf(lock, sizeof lock, "%s/journal/writer.lock", directory);
    if (unlink(lock) || open_as(true, MIB) != OK)
        return 1;
    journal_close(&j);
    return 0;
}

Test(journal_processes, a_writer_whose_place_was_taken_writes_nothing_any_more)
{
    int go[2], token = 0;
    cr_assert_eq(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(read(go[0], &token, sizeof token) == sizeof token ? take_over() : 3);
    open_writer(MIB);
    append(0, 1, 1, 8);
    cr_assert_eq(write(go[1], &token, sizeof token), sizeof token);
    cr_assert_eq(child_finish(pid), 0);
    cr_assert_eq(append_as(2, 0, 2, 1, 8), ERR_LOST);
    cr_assert(strstr(e.text, "another process writes this journal") && strstr(e.text, "term 2, ours is 1"), "%s",
              e.text);
    cr_assert_eq(append_as(1, 0, 1, 1, 8), ERR_LOST, "nor does it say what is there");
    cr_assert_eq(journal_room(j, 1, &e), ERR_LOST, "also who writes nothing is told");
    cr_assert_eq(last_of(0), 1);
}

static enum err write_piece(void *file, const void *data, size_t bytes, struct err_text *err)
{
    return fwrite(data, 1, bytes, file) == bytes ? OK : err_set(err, ERR_IO, "write");
}

Test(journal_processes, a_copy_made_while_open_is_a_journal)
{
    char copy[128], path[160];
    open_writer(MIB);
    append(0, 1, 4, 500);
    uint64_t id = journal_id(j);
    snprintf(copy, sizeof copy, "%s/copy", directory);
    snprintf(path, sizeof path, "%s/journal", copy);
    cr_assert(mkdir(copy, 0700) == 0 && mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/journal/data.mdb", copy);
    FILE *file = fopen(path, "w");
    cr_assert_eq(journal_stream(j, write_piece, file, &e), OK, "%s", e.text);
    cr_assert_eq(fclose(file), 0);
    append(0, 5, 1, 500);
    journal_close(&j);
    struct journal_options o = {.writer = false};
    cr_assert_eq(journal_open(&j, copy, &o, &e), OK, "%s", e.text);
    cr_assert_eq(journal_id(j), id);
    cr_assert_eq(last_of(0), 4);
}
