/* The journal is read in one thread while it is written in another (committer.h, store.h), and its disk fails at times,
 * so that the environment is opened anew under both. ThreadSanitizer looks on. Ends with 0, or says what was wrong. */
#include "base/buffer.h"
#include "base/clock.h"
#include "journal/committer.h"
#include "journal/record.h"
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { COMMITS = 400, PARTITIONS = 4, READS_WHILE_IT_HANGS = 100, DEADLINE_US = 60 * 1000 * 1000 };

#define REQUIRE(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s: ", __LINE__, #condition);                                                    \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* ---- the disk, as LMDB sees it ---- */

static atomic_uint failing_metas; /* so many of the next writes of a meta page fail */
static atomic_bool hanging;       /* a sync does not come back */
static atomic_bool hangs;         /* one hangs now */
static atomic_uint syncs;

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    if (offset < 8192 && bytes < 4096 && atomic_load(&failing_metas)) {
        atomic_fetch_sub(&failing_metas, 1);
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, bytes, offset);
}

int fdatasync(int fd)
{
    while (atomic_load(&hanging)) {
        atomic_store(&hangs, true);
        poll(NULL, 0, 1);
    }
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- one writer, one reader ---- */

static char directory[64];
static struct journal *journal;
static struct committer *committer;
static struct buffer record;
static struct journal_put put[PARTITIONS];
static struct journal_group group;

static void make_group(uint64_t commit)
{
    char body[200];
    memset(body, 'a' + (int)(commit % 26), sizeof body);
    buffer_clear(&record);
    record_begin(&record, RECORD_DATA, 1000, 0);
    struct record_entry entry = {.body_bytes = sizeof body, .feeder = 1, .epoch = 1, .seq = commit};
    record_add(&record, 0, &entry, body);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        put[p] = (struct journal_put){p, commit, record.data, record.size};
    group = (struct journal_group){.commit = commit, .put = put, .put_count = PARTITIONS};
}

static bool look(void *ctx, uint64_t first_pseq, const void *data, size_t bytes)
{
    struct record_reader reader;
    uint64_t *last = ctx;
    REQUIRE(record_open(&reader, data, bytes, NULL) == OK, "a record cannot be read");
    *last = first_pseq;
    return true;
}

/* What is on disk, while more of it is written. Trouble of the disk is none of the reader's. */
static uint64_t read_tail(uint32_t partition, uint64_t from)
{
    uint64_t last = from - 1;
    struct err_text e = {""};
    enum err err = journal_read(journal, partition, from, SIZE_MAX, look, &last, &e);
    REQUIRE(err == OK || err == ERR_IO, "%s", e.text);
    err = journal_room(journal, 1, &e);
    REQUIRE(err == OK || err == ERR_IO, "%s", e.text);
    return last;
}

/* Reads until the group is back. */
static enum err await(uint64_t ticket, uint64_t *reads)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_US;
    uint64_t which = 0;
    enum err err = OK;
    struct err_text why;
    struct pollfd poll_fd = {committer_fd(committer), POLLIN, 0};
    while (poll(&poll_fd, 1, 0) == 0) {
        uint64_t last = read_tail((uint32_t)(ticket % PARTITIONS), ticket > 20 ? ticket - 20 : 1);
        REQUIRE(last <= ticket, "%llu", (unsigned long long)last);
        REQUIRE(clock_mono_us() < deadline_us, "commit %llu does not come back", (unsigned long long)ticket);
        if (++*reads == READS_WHILE_IT_HANGS)
            atomic_store(&hanging, false);
    }
    REQUIRE(committer_take(committer, &which, &err, &why) && which == ticket, "%llu", (unsigned long long)which);
    REQUIRE(!committer_take(committer, &which, &err, &why), "it comes back twice");
    REQUIRE(err == OK || err == ERR_IO, "%s", why.text);
    return err;
}

static uint64_t append(uint64_t commit)
{
    uint64_t reads = 0;
    make_group(commit);
    do {
        REQUIRE(committer_append(committer, &group, commit) == OK, "it is busy with nothing");
        REQUIRE(committer_append(committer, &group, commit) == ERR_BUSY, "it takes a second one");
    } while (await(commit, &reads) != OK);
    REQUIRE(read_tail(0, commit) == commit, "what is committed is not read");
    return reads;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void start(void)
{
    struct err_text e = {""};
    strcpy(directory, "/tmp/committer_threads.XXXXXX");
    REQUIRE(mkdtemp(directory), "%s", strerror(errno));
    struct journal_options options = {.writer = true, .partitions = PARTITIONS, .map_bytes = 64 << 20};
    REQUIRE(journal_open(&journal, directory, &options, &e) == OK, "%s", e.text);
    REQUIRE(committer_start(&committer, journal, &e) == OK, "%s", e.text);
}

static void stop(void)
{
    committer_stop(&committer);
    journal_close(&journal);
    buffer_free(&record);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* While no group comes it is written down by itself: a sync that nobody asked for. */
static void await_chain(void)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_US;
    unsigned before = atomic_load(&syncs);
    while (atomic_load(&syncs) == before)
        REQUIRE(clock_mono_us() < deadline_us, "the chain is never made");
}

static enum err take_piece(void *ctx, const void *data, size_t bytes, struct err_text *e)
{
    (void)data, (void)e;
    *(size_t *)ctx += bytes;
    return OK;
}

/* A backup is read in one thread and taken in another. */
static void stream(void)
{
    size_t bytes = 0;
    struct err_text e = {""};
    REQUIRE(journal_stream(journal, take_piece, &bytes, &e) == OK, "%s", e.text);
    REQUIRE(bytes > COMMITS * PARTITIONS * sizeof(struct record_entry), "%zu bytes are no journal", bytes);
}

int main(void)
{
    start();
    for (uint64_t commit = 1; commit <= COMMITS; commit++) {
        if (commit % 50 == 0)
            atomic_store(&failing_metas, 2 + commit / 50 % 3); /* the write, what takes it back, and some more */
        if (commit % 97 == 0)
            atomic_store(&hanging, true);
        uint64_t reads = append(commit);
        REQUIRE(commit % 97 || reads >= READS_WHILE_IT_HANGS, "the reader waited for the disk");
    }
    REQUIRE(atomic_load(&hangs), "no sync was seen to hang");
    await_chain();
    make_group(COMMITS + 1);
    REQUIRE(committer_append(committer, &group, 1) == OK, "at the end");
    committer_stop(&committer);
    REQUIRE(journal_last_commit(journal) == COMMITS + 1, "what was under way at the end is not waited for");
    REQUIRE(journal_unchained(journal) == 0 && journal_chain_kept(journal), "the chain is not finished");
    stream();
    stop();
    return 0;
}
