/* State is read in one thread while it is written in another (state/writer.h), and its disk fails at times. What is
 * read is what is committed, or what is under way, and never anything between. ThreadSanitizer looks on. Ends with 0,
 * or says what was wrong. */
#include "base/clock.h"
#include "state/writer.h"
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

enum { COMMITS = 300, UNITS = 4, LEAVES = 3, NODES = 5, OWNER = 7, READS_WHILE_IT_HANGS = 50, DEADLINE_US = 60000000 };

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

static atomic_uint failing_syncs; /* so many of the next ones fail */
static atomic_bool hanging;       /* a sync does not come back */

int fdatasync(int fd)
{
    while (atomic_load(&hanging))
        poll(NULL, 0, 1);
    if (atomic_load(&failing_syncs)) {
        atomic_fetch_sub(&failing_syncs, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- one writer, one reader ---- */

static char directory[64];
static struct state *state;
static struct state_writer *writer;

/* All of the same number, so that a mixture shows. */
struct effects {
    struct cell cell[LEAVES];
    int64_t points[NODES];
    struct state_values_put values[UNITS];
    struct unit_score scores[UNITS];
    struct state_batch batch;
    struct state_work work;
} effects;

static void make_effects(uint64_t pseq)
{
    for (int i = 0; i < LEAVES; i++)
        effects.cell[i] = (struct cell){.pseq = pseq, .flags = CELL_PRESENT};
    for (int i = 0; i < NODES; i++)
        effects.points[i] = (int64_t)pseq;
    for (uint32_t unit = 0; unit < UNITS; unit++) {
        effects.values[unit] = (struct state_values_put){1, unit, 1, effects.cell, LEAVES};
        effects.scores[unit] = (struct unit_score){1, unit, {.node_count = NODES, .cause_pseq = pseq}, effects.points};
    }
    effects.batch = (struct state_batch){.owner_epoch = OWNER,
                                         .applied_before = pseq - 1,
                                         .applied = pseq,
                                         .values = effects.values,
                                         .scores = effects.scores,
                                         .values_count = UNITS,
                                         .scores_count = UNITS};
    effects.work = (struct state_work){.batch = &effects.batch, .batches = 1};
}

static bool is_of(const struct cell *cell, const struct score_header *header, const int64_t *points, uint64_t pseq)
{
    bool all = header->cause_pseq == pseq;
    for (int i = 0; i < LEAVES; i++)
        all &= cell[i].pseq == pseq;
    for (int i = 0; i < NODES; i++)
        all &= points[i] == (int64_t)pseq;
    return all;
}

/* A whole unit and the cursor; trouble of the disk is none of the reader's. */
static void look(uint32_t unit, uint64_t last)
{
    struct cell cell[LEAVES];
    struct score_header header;
    struct state_cursor before, after;
    int64_t points[NODES];
    struct err_text e = {""};
    enum err err = state_cursor_get(state, 0, &before, &e);
    enum err values = state_values_get(state, 0, 1, unit, 1, cell, LEAVES, &e);
    enum err scores = state_scores_get(state, 0, 1, unit, &header, points, NODES, &e);
    err = err ? err : state_cursor_get(state, 0, &after, &e);
    REQUIRE(err == OK || err == ERR_IO, "%s", e.text);
    REQUIRE(values != ERR_CORRUPT && scores != ERR_CORRUPT, "%s", e.text);
    if (err || values || scores || before.applied != after.applied)
        return;
    REQUIRE(before.applied == last || before.applied + 1 == last, "%llu", (unsigned long long)before.applied);
    REQUIRE(is_of(cell, &header, points, before.applied), "unit %u is not of %llu", unit,
            (unsigned long long)before.applied);
}

/* Reads until it is back. */
static enum err await(uint64_t pseq, uint64_t *looks)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_US;
    struct pollfd poll_fd = {state_writer_fd(writer), POLLIN, 0};
    struct err_text why;
    uint64_t ticket;
    enum err err;
    while (poll(&poll_fd, 1, 0) == 0) {
        look((uint32_t)(*looks % UNITS), pseq);
        REQUIRE(clock_mono_us() < deadline_us, "%llu does not come back", (unsigned long long)pseq);
        if (++*looks == READS_WHILE_IT_HANGS)
            atomic_store(&hanging, false);
    }
    REQUIRE(state_writer_take(writer, &ticket, &err, &why) && ticket == pseq, "%llu", (unsigned long long)ticket);
    REQUIRE(!state_writer_take(writer, &ticket, &err, &why), "it comes back twice");
    REQUIRE(err == OK || err == ERR_IO, "%s", why.text);
    return err;
}

/* Returns how often it could be read meanwhile. */
static uint64_t commit(uint64_t pseq)
{
    uint64_t looks = 0;
    make_effects(pseq);
    do {
        REQUIRE(state_writer_give(writer, state, &effects.work, pseq) == OK, "it is busy with nothing");
        REQUIRE(state_writer_give(writer, state, &effects.work, pseq) == ERR_BUSY, "it takes a second one");
    } while (await(pseq, &looks) != OK);
    REQUIRE(!effects.batch.lost, "what failed was there");
    look(0, pseq);
    return looks;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void start(void)
{
    struct err_text e = {""};
    struct state_claim claim = {.owner_epoch = OWNER};
    struct state_options options = {.writer = true, .journal_id = 1, .map_bytes = 64 << 20};
    strcpy(directory, "/tmp/state_threads.XXXXXX");
    REQUIRE(mkdtemp(directory), "%s", strerror(errno));
    REQUIRE(state_open(&state, directory, &options, &e) == OK, "%s", e.text);
    REQUIRE(state_claim(state, &claim, 1, &e) == OK && claim.err == OK, "%s", e.text);
    REQUIRE(state_writer_start(&writer, &e) == OK, "%s", e.text);
}

int main(void)
{
    start();
    for (uint64_t pseq = 1; pseq <= COMMITS; pseq++) {
        if (pseq % 50 == 0)
            atomic_store(&failing_syncs, 2);
        if (pseq % 97 == 0)
            atomic_store(&hanging, true);
        uint64_t looks = commit(pseq);
        REQUIRE(pseq % 97 || looks >= READS_WHILE_IT_HANGS, "the reader waited for the disk");
    }
    make_effects(COMMITS + 1);
    REQUIRE(state_writer_give(writer, state, &effects.work, 1) == OK, "at the end");
    state_writer_stop(&writer);
    look(0, COMMITS + 1);
    state_close(&state);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
