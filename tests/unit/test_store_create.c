#include "store/create.h"
#include "store/store.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- these stand before libc's for LMDB too ---- */

static unsigned writes, writes_unsynced, links;
static bool named_whole; /* what got its name had been synced */
static int link_errno;   /* of a file system without hard links */

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    writes++;
    writes_unsynced++;
    return syscall(SYS_pwrite64, fd, data, bytes, offset);
}

int fdatasync(int fd)
{
    writes_unsynced = 0;
    return (int)syscall(SYS_fdatasync, fd);
}

int link(const char *from, const char *to)
{
    links++;
    named_whole = writes && !writes_unsynced;
    errno = link_errno;
    return link_errno ? -1 : (int)syscall(SYS_link, from, to);
}

/* ---- a new file ---- */

enum { MAP_BYTES = 1 << 20 };
static char directory[64], name[96];
static struct err_text e;

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "/tmp/parbus.XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(name, sizeof name, "%s/data.mdb", directory);
}

static void remove_directory(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(store_create, .init = make_directory, .fini = remove_directory);

static void open_and_close(void)
{
    static const char *const databases[] = {"meta"};
    struct store_options writer = {
        .format = 1, .databases = databases, .database_count = 1, .map_bytes = MAP_BYTES, .writer = true};
    struct store s;
    char parent[64];
    snprintf(parent, sizeof parent, "%s", directory);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    cr_assert_eq(store_open(&s, parent, slash + 1, &writer, &e), OK, "%s", e.text);
    store_close(&s);
}

static unsigned files(void)
{
    char command[96];
    snprintf(command, sizeof command, "ls %s", directory);
    FILE *list = popen(command, "r");
    unsigned count = 0;
    for (int c; (c = fgetc(list)) != EOF;)
        count += c == '\n';
    pclose(list);
    return count;
}

Test(store_create, a_file_gets_its_name_when_it_is_whole_and_synced)
{
    open_and_close();
    cr_assert_eq(links, 1);
    cr_assert(named_whole);
}

Test(store_create, nothing_else_is_left)
{
    cr_assert_eq(create_file(directory, MAP_BYTES, &e), OK, "%s", e.text);
    cr_assert_eq(files(), 1);
    open_and_close();
}

Test(store_create, a_file_that_is_there_stays)
{
    struct stat before, after;
    open_and_close();
    cr_assert_eq(stat(name, &before), 0);
    cr_assert_eq(create_file(directory, MAP_BYTES, &e), OK, "%s", e.text);
    cr_assert_eq(stat(name, &after), 0);
    cr_assert_eq(before.st_ino, after.st_ino);
    cr_assert_eq(links, 1);
}

Test(store_create, without_hard_links_it_is_made_in_place)
{
    link_errno = EPERM;
    open_and_close();
    cr_assert_eq(access(name, F_OK), 0);
}

Test(store_create, another_process_may_be_faster)
{
    link_errno = EEXIST;
    cr_assert_eq(create_file(directory, MAP_BYTES, &e), OK, "%s", e.text);
    cr_assert_eq(files(), 0);
}

Test(store_create, an_error_is_told)
{
    link_errno = EIO;
    cr_assert_eq(create_file(directory, MAP_BYTES, &e), ERR_IO);
    cr_assert(strstr(e.text, "create"), "%s", e.text);
    cr_assert_eq(files(), 0);
}
