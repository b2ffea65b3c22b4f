/* service/access_log.h: the file. */
#include "base/err.h"
#include "service/access_log.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], path[128];
static struct err_text e;

static void start(void)
{
    strcpy(directory, "/tmp/parbus.XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/log/access.log", directory);
}

static void stop(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(access_log, .init = start, .fini = stop);

static void note(struct access_log *l, int number)
{
    char address[32];
    snprintf(address, sizeof address, "192.0.2.%d", number);
    access_log_note(l, &(struct audit_event){.kind = AUDIT_REFUSED, .reason = "NAME", .address = address}, 1,
                    (struct moment){1000 + number, 0});
}

static size_t lines_of(const char *file)
{
    char line[AUDIT_LINE_BYTES + 2];
    size_t count = 0;
    FILE *f = fopen(file, "re");
    while (f && fgets(line, sizeof line, f)) {
        cr_assert_eq(line[0], '{', "%s", line);
        count++;
    }
    if (f)
        fclose(f);
    return count;
}

Test(access_log, is_its_owner_s_alone)
{
    struct access_log *l;
    struct stat st;
    cr_assert_eq(access_log_open(&l, directory, "ingestor-1", 0, &e), OK, "%s", e.text);
    note(l, 1);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(lines_of(path), 1);
    access_log_close(&l);
}

Test(access_log, goes_on_where_it_ended)
{
    for (int i = 0; i < 3; i++) {
        struct access_log *l;
        access_log_open(&l, directory, "ingestor-1", 0, &e);
        note(l, i);
        access_log_close(&l);
    }
    cr_assert_eq(lines_of(path), 3);
}

Test(access_log, of_two_who_write_it_nobody_s_lines_are_lost_when_it_is_moved_away)
{
    enum { EACH = 20, BYTES = 3000 }; /* a line has more than 100 bytes: it is moved away once */
    struct access_log *l[2];
    char old[160];
    snprintf(old, sizeof old, "%s.1", path);
    for (int i = 0; i < 2; i++)
        access_log_open(&l[i], directory, i ? "publisher-1" : "ingestor-1", BYTES, &e);
    for (int i = 0; i < EACH; i++)
        for (int k = 0; k < 2; k++)
            note(l[k], i);
    cr_assert_gt(lines_of(old), 10);
    cr_assert_eq(lines_of(old) + lines_of(path), 2 * EACH);
    for (int i = 0; i < 2; i++)
        access_log_close(&l[i]);
}

Test(access_log, is_bounded)
{
    enum { BYTES = 1000, MANY = 200 };
    struct access_log *l;
    struct stat st;
    char old[160];
    snprintf(old, sizeof old, "%s.1", path);
    access_log_open(&l, directory, "ingestor-1", BYTES, &e);
    for (int i = 0; i < MANY; i++)
        note(l, i);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_lt(st.st_size, BYTES + AUDIT_LINE_BYTES);
    cr_assert_eq(stat(old, &st), 0);
    cr_assert_lt(st.st_size, BYTES + AUDIT_LINE_BYTES);
    access_log_close(&l);
}

Test(access_log, is_made_again_when_somebody_has_removed_it)
{
    struct access_log *l;
    access_log_open(&l, directory, "ingestor-1", 0, &e);
    note(l, 1);
    unlink(path);
    note(l, 2);
    cr_assert_eq(lines_of(path), 1);
    access_log_close(&l);
}

Test(access_log, follows_no_link_to_another_file)
{
    struct access_log *l;
    char log[128], target[128];
    snprintf(log, sizeof log, "%s/log", directory);
    snprintf(target, sizeof target, "%s/target", directory);
    mkdir(log, 0700);
    cr_assert_eq(symlink(target, path), 0);
    cr_assert_eq(access_log_open(&l, directory, "ingestor-1", 0, &e), ERR_IO);
    cr_assert_null(l);
    cr_assert(strstr(e.text, "access.log"), "%s", e.text);
}
