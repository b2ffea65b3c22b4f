#include "store/guard.h"
#include "store/store.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const databases[] = {"meta", "things"};
static const struct store_options writer = {
    .format = 1, .databases = databases, .database_count = 2, .map_bytes = 1 << 20, .writer = true};
static const struct store_options reader = {.format = 1, .databases = databases, .database_count = 2};

static char directory[64], path[96];
static struct err_text e;

static void make_directory(void)
{
    strcpy(directory, "/tmp/test_store.XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/env", directory);
}

static int remove_one(const char *file, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(file);
}

static void remove_directory(void) { nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

TestSuite(store, .init = make_directory, .fini = remove_directory, .timeout = 60);

Test(store, network_file_systems_are_refused_by_name)
{
    cr_assert_str_eq(guard_fs_unsupported(0x6969), "NFS");
    cr_assert_str_eq(guard_fs_unsupported(0x01021997), "9p");
    cr_assert_str_eq(guard_fs_unsupported(0x65735546), "FUSE");
    cr_assert_str_eq(guard_fs_unsupported((unsigned long)(int)0xff534d42), "CIFS", "f_type may come sign-extended");
    cr_assert_null(guard_fs_unsupported(0xef53), "ext4");
    cr_assert_null(guard_fs_unsupported(0x01021994), "tmpfs");
}

/* Plays the process that has it open already. */
static int hold_namespace(const char *text)
{
    char file[128];
    cr_assert_eq(guard_make_directory(path, &e), OK);
    snprintf(file, sizeof file, "%s/namespace", path);
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(flock(fd, LOCK_SH), 0);
    return fd;
}

Test(store, another_pid_namespace_is_refused_while_it_has_it_open)
{
    struct store s;
    int fd = hold_namespace("4026000001\n");
    cr_assert_eq(store_open(&s, directory, "env", &writer, &e), ERR_INVALID);
    cr_assert(strstr(e.text, "PID namespace"), "%s", e.text);
    close(fd);
    cr_assert_eq(store_open(&s, directory, "env", &writer, &e), OK, "nobody is left: %s", e.text);
    store_close(&s);
}

Test(store, it_is_open_once_in_a_process)
{
    struct store first, second;
    cr_assert_eq(store_open(&first, directory, "env", &writer, &e), OK, "%s", e.text);
    cr_assert_eq(store_open(&second, directory, "./env", &reader, &e), ERR_BUSY);
    store_close(&first);
    cr_assert_eq(store_open(&second, directory, "env", &reader, &e), OK, "%s", e.text);
    store_close(&second);
    store_close(&second);
}

Test(store, a_reader_creates_nothing)
{
    struct store s;
    cr_assert_eq(store_open(&s, directory, "env", &reader, &e), ERR_NOT_FOUND);
    cr_assert_neq(access(path, F_OK), 0);
    int fd = hold_namespace("");
    cr_assert_eq(store_open(&s, directory, "env", &reader, &e), ERR_NOT_FOUND, "a directory without data");
    close(fd);
}

Test(store, a_file_that_is_not_lmdb_is_said_to_be_damaged)
{
    struct store s;
    char file[128], junk[8192];
    close(hold_namespace(""));
    snprintf(file, sizeof file, "%s/data.mdb", path);
    memset(junk, 'j', sizeof junk);
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
    close(fd);
    cr_assert_eq(store_open(&s, directory, "env", &reader, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "not an LMDB file"), "%s", e.text);
    cr_assert(strstr(e.text, "parbus restore"), "what to do is said as well: %s", e.text);
}

Test(store, a_file_that_is_cut_off_within_its_beginning_is_left_as_it_was_found)
{
    struct store s;
    char file[128];
    struct stat st;
    const struct store_options *both[] = {&reader, &writer};
    close(hold_namespace(""));
    snprintf(file, sizeof file, "%s/data.mdb", path);
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(ftruncate(fd, sysconf(_SC_PAGESIZE)), 0);
    close(fd);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(store_open(&s, directory, "env", both[i], &e), ERR_CORRUPT);
        cr_assert(strstr(e.text, "is cut off") && strstr(e.text, "parbus restore"), "%s", e.text);
    }
    cr_assert_eq(stat(file, &st), 0);
    cr_assert_eq(st.st_size, sysconf(_SC_PAGESIZE));
}

static void make_with(const struct store_options *options, unsigned values)
{
    struct store s;
    MDB_txn *txn;
    cr_assert_eq(store_open(&s, directory, "env", options, &e), OK, "%s", e.text);
    cr_assert_eq(store_write_begin(&s, &txn, &e), OK);
    char filler[2000] = "";
    for (unsigned i = 0; i < values; i++) {
        MDB_val key = store_val(&i, sizeof i), data = store_val(filler, sizeof filler);
        cr_assert_eq(mdb_put(txn, s.dbi[1], &key, &data, 0), 0);
    }
    cr_assert_eq(store_write_commit(&s, &txn, &e), OK);
    store_close(&s);
}

static void refused_by_both(enum err err, const char *words)
{
    const struct store_options *const both[] = {&writer, &reader};
    for (int i = 0; i < 2; i++) {
        struct store s;
        cr_assert_eq(store_open(&s, directory, "env", both[i], &e), err, "%s", e.text);
        cr_assert(strstr(e.text, words), "%s", e.text);
    }
}

Test(store, the_file_of_something_else_is_refused_and_left_as_it_is)
{
    static const char *const others[] = {"meta", "other"}, *const strangers[] = {"strange"};
    struct store_options other = writer;
    other.databases = others;
    make_with(&other, 1);
    refused_by_both(ERR_CORRUPT, "of something else");
    char file[128];
    snprintf(file, sizeof file, "%s/data.mdb", path);
    unlink(file);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    cr_assert(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 2) && !mdb_env_open(env, path, 0, 0600));
    cr_assert(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, strangers[0], MDB_CREATE, &dbi));
    cr_assert_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    refused_by_both(ERR_CORRUPT, "of something else");
}

static off_t cut_to(off_t bytes)
{
    struct stat st;
    char file[128];
    snprintf(file, sizeof file, "%s/data.mdb", path);
    cr_assert_eq(stat(file, &st), 0);
    if (bytes)
        cr_assert_eq(truncate(file, bytes), 0);
    return st.st_size;
}

Test(store, a_file_that_is_cut_off_is_refused)
{
    make_with(&writer, 60);
    for (int i = 0; i < 3; i++) /* what LMDB reads first moves to pages near the beginning */
        make_with(&writer, 1);
    cut_to(cut_to(0) / 2);
    refused_by_both(ERR_CORRUPT, "data.mdb is cut off");
}

/* As many pages as are in use, but not these: nothing can be told at the opening. */
Test(store, a_page_that_is_not_in_the_file_ends_the_process_with_a_sentence)
{
    int said[2];
    char text[1024] = "";
    make_with(&writer, 60);
    cr_assert_eq(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store s;
        MDB_txn *txn;
        MDB_val key, data;
        MDB_cursor *cursor;
        dup2(said[1], STDERR_FILENO);
        if (store_open(&s, directory, "env", &reader, NULL) || store_read_begin(&s, &txn, NULL))
            _exit(7);
        cut_to(8192 + 4096);
        if (mdb_cursor_open(txn, s.dbi[1], &cursor) == 0)
            while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == 0)
                continue;
        _exit(8);
    }
    close(said[1]);
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x", status);
    cr_assert_gt(read(said[0], text, sizeof text - 1), 0);
    cr_assert(strstr(text, "Z error store.page_unreadable ") && strstr(text, path) && strstr(text, "cut off"), "%s",
              text);
}

Test(store, nested_reads_share_one_snapshot)
{
    struct store s;
    MDB_txn *outer, *inner, *change;
    uint64_t value = 0;
    cr_assert_eq(store_open(&s, directory, "env", &writer, &e), OK, "%s", e.text);
    cr_assert_eq(store_read_begin(&s, &outer, &e), OK);
    cr_assert_eq(store_write_begin(&s, &change, &e), OK);
    cr_assert_eq(store_meta_put(&s, change, "new", 7, &e), OK);
    cr_assert_eq(store_write_commit(&s, &change, &e), OK);
    cr_assert_null(change);
    store_write_abort(&s, &change);
    cr_assert_eq(store_read_begin(&s, &inner, &e), OK);
    cr_assert_eq(store_meta_get(&s, inner, "new", &value, &e), ERR_NOT_FOUND, "begun before the change");
    store_read_end(&s, &inner);
    cr_assert_eq(store_meta_get(&s, outer, "new", &value, &e), ERR_NOT_FOUND, "the outer one still holds it");
    store_read_end(&s, &outer);
    cr_assert_null(outer);
    cr_assert_eq(store_read_begin(&s, &outer, &e), OK);
    cr_assert_eq(store_meta_get(&s, outer, "new", &value, &e), OK, "%s", e.text);
    cr_assert_eq(value, 7);
    store_read_end(&s, &outer);
    store_close(&s);
}

/* Opens, takes a snapshot, says so through the pipe, and never ends it. */
static pid_t start_reader(int said)
{
    pid_t pid = fork(); /* before anything is open */
    if (pid == 0) {
        struct store own;
        MDB_txn *txn;
        bool good = store_open(&own, directory, "env", &reader, NULL) == OK && !store_read_begin(&own, &txn, NULL);
        if (!good || write(said, "", 1) != 1)
            _exit(1);
        pause();
    }
    return pid;
}

Test(store, a_writer_frees_the_snapshot_of_a_reader_that_died)
{
    struct store s;
    MDB_txn *txn;
    int said[2], dead = -1;
    char byte;
    cr_assert_eq(store_open(&s, directory, "env", &writer, &e), OK, "%s", e.text);
    store_close(&s);
    cr_assert_eq(pipe(said), 0);
    pid_t pid = start_reader(said[1]);
    cr_assert_eq(read(said[0], &byte, 1), 1);
    cr_assert_eq(store_open(&s, directory, "env", &writer, &e), OK, "%s", e.text);
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    s.readers_due_us = 0; /* 10 s later */
    cr_assert_eq(store_write_begin(&s, &txn, &e), OK, "%s", e.text);
    store_write_abort(&s, &txn);
    cr_assert_eq(mdb_reader_check(s.env, &dead), MDB_SUCCESS);
    cr_assert_eq(dead, 0, "it is gone already");
    store_close(&s);
    close(said[0]);
    close(said[1]);
}

Test(store, faults_have_codes_and_sentences)
{
    cr_assert_eq(store_error(MDB_SUCCESS, &e), OK);
    cr_assert_eq(store_error(MDB_MAP_FULL, &e), ERR_FULL);
    cr_assert_eq(store_error(ENOSPC, &e), ERR_FULL);
    cr_assert_eq(store_error(EIO, &e), ERR_IO);
    cr_assert_str_eq(e.text, "Input/output error");
    cr_assert_eq(store_error(MDB_CORRUPTED, &e), ERR_CORRUPT);
}
