#include "service/bookmark_file.h"
#include "store/store.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64], path[128];
static struct bookmark *bookmark, before;
static struct err_text e;

static void setup(void)
{
    char run[96];
    strcpy(directory, "/tmp/parbus-bookmark-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(run, sizeof run, "%s/run", directory);
    cr_assert_eq(mkdir(run, 0700), 0);
    snprintf(path, sizeof path, "%s/scorer-1.bookmark", run);
}

static void teardown(void)
{
    char run[96];
    bookmark_close(&bookmark);
    remove(path);
    snprintf(run, sizeof run, "%s/run", directory);
    remove(run);
    remove(directory);
}
TestSuite(bookmark, .init = setup, .fini = teardown, .timeout = 60);

static void reopen(void)
{
    bookmark_close(&bookmark);
    cr_assert_eq(bookmark_open(&bookmark, &before, directory, "scorer-1", &e), OK, "%s", e.text);
}

Test(bookmark, a_new_one_says_none)
{
    reopen();
    cr_assert_eq(before.pseq, 0);
    cr_assert_eq(bookmark->pseq, 0);
}

Test(bookmark, what_was_noted_is_told_once)
{
    reopen();
    bookmark_set(bookmark, 7, 1234567890123);
    reopen();
    cr_assert_eq(before.partition, 7);
    cr_assert_eq(before.pseq, 1234567890123);
    reopen();
    cr_assert_eq(before.pseq, 0);
}

Test(bookmark, who_was_at_none_says_none)
{
    reopen();
    bookmark_set(bookmark, 7, 5);
    bookmark_clear(bookmark);
    reopen();
    cr_assert_eq(before.pseq, 0);
}

static void note_and_die(int how)
{
    pid_t child = fork();
    if (child == 0) {
        struct bookmark *own, other;
        signal(how, SIG_DFL);
        if (bookmark_open(&own, &other, directory, "scorer-1", NULL))
            _exit(1);
        bookmark_set(own, 3, 9);
        raise(how);
        _exit(1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == how);
}

Test(bookmark, it_outlives_whatever_ends_the_process)
{
    static const int ends[] = {SIGKILL, SIGSEGV, SIGABRT, SIGBUS};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        note_and_die(ends[i]);
        reopen();
        cr_assert(before.partition == 3 && before.pseq == 9, "signal %d", ends[i]);
    }
}

Test(bookmark, a_file_of_another_size_says_none)
{
    static const char *const contents[] = {"", "short", "much longer than a bookmark ever is, and no bookmark at all"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        FILE *f = fopen(path, "w");
        cr_assert(f && fputs(contents[i], f) >= 0 && fclose(f) == 0);
        reopen();
        cr_assert_eq(before.pseq, 0);
        bookmark_set(bookmark, 1, 2);
        reopen();
        cr_assert_eq(before.pseq, 2);
    }
}

Test(bookmark, the_file_is_the_owners_alone_and_has_its_blocks)
{
    struct stat st;
    reopen();
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(st.st_size, sizeof *bookmark);
}

Test(bookmark, a_directory_that_is_not_there_is_an_error)
{
    cr_assert_eq(bookmark_open(&bookmark, &before, "/nowhere/at/all", "scorer-1", &e), ERR_IO);
    cr_assert(strstr(e.text, "/nowhere/at/all/run/scorer-1.bookmark"), "%s", e.text);
    cr_assert_null(bookmark);
    cr_assert_eq(symlink("/tmp/elsewhere", path), 0);
    cr_assert_eq(bookmark_open(&bookmark, &before, directory, "scorer-1", &e), ERR_IO, "it follows nobody's link");
}

/* A disk that fails is not the entry's fault, and would set aside one good entry after the other. */
Test(bookmark, a_page_that_cannot_be_read_blames_no_entry)
{
    static const char *const names[] = {"meta"};
    const struct store_options writer = {
        .format = 1, .databases = names, .database_count = 1, .map_bytes = 1 << 20, .writer = true};
    reopen();
    bookmark_close(&bookmark);
    pid_t pid = fork();
    if (pid == 0) {
        static struct store s;
        char file[128];
        struct bookmark *own, last;
        snprintf(file, sizeof file, "%s/env/data.mdb", directory);
        if (store_open(&s, directory, "env", &writer, NULL) || bookmark_open(&own, &last, directory, "scorer-1", NULL))
            _exit(7);
        bookmark_set(own, 7, 42);
        if (!freopen("/dev/null", "w", stderr))
            _exit(9);
        if (truncate(file, 0) == 0)
            _exit(100 + s.map[0]);
        _exit(8);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x", status);
    reopen();
    cr_assert_eq(before.pseq, 0);
}
