#include "state_fixture.h"
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char directory[64], other_directory[80];
struct state *s, *other;
struct err_text e;

void make_directory(void)
{
    strcpy(directory, "/tmp/test_state.XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(other_directory, sizeof other_directory, "%s/other", directory);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void remove_directory(void)
{
    state_close(&s);
    state_close(&other);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum err open_in(struct state **out, const char *where, bool writer, uint64_t journal_id, size_t map_bytes)
{
    struct state_options o = {.writer = writer, .journal_id = journal_id, .map_bytes = map_bytes};
    return state_open(out, where, &o, &e);
}

void open_writer(size_t map_bytes) { cr_assert_eq(open_in(&s, directory, true, JOURNAL, map_bytes), OK, "%s", e.text); }

void own(struct state *in, uint32_t partition, uint64_t epoch)
{
    struct state_claim claim = {.partition = partition, .owner_epoch = epoch};
    cr_assert_eq(state_claim(in, &claim, 1, &e), OK, "%s", e.text);
    cr_assert_eq(claim.err, OK, "%s", claim.why.text);
}

struct state_batch make_batch(struct effects *f, uint32_t partition, uint64_t epoch, uint64_t pseq)
{
    *f = (struct effects){0};
    for (unsigned i = 0; i < LEAVES; i++)
        f->cells[i] = (struct cell){.value = i + 0.5, .observed_ms = 1000, .pseq = pseq, .flags = CELL_PRESENT};
    for (unsigned i = 0; i < NODES; i++)
        f->points[i] = (int64_t)(i * 1000 + pseq);
    f->values = (struct state_values_put){SERIES, UNIT, STAGE, f->cells, LEAVES};
    f->scores = (struct unit_score){.series = SERIES, .unit = UNIT, .points = f->points};
    f->scores.header = (struct score_header){.present = 1, .node_count = NODES, .cause_pseq = pseq};
    f->tally = (struct state_tally_put){.feeder = 4, .epoch = 1, .tally = {pseq, 88 * pseq, pseq}};
    f->reject = (struct state_reject_put){.feeder = 4, .row = 3, .epoch = 1, .seq = pseq, .detail = "too high"};
    f->reject.header = (struct reject_header){.reason = 108, .series = SERIES, .pseq = pseq, .detail_bytes = 8};
    return (struct state_batch){.partition = partition,
                                .owner_epoch = epoch,
                                .applied_before = pseq - 1,
                                .applied = pseq,
                                .mark = 2000 + pseq,
                                .values = &f->values,
                                .scores = &f->scores,
                                .tallies = &f->tally,
                                .rejects = &f->reject,
                                .values_count = 1,
                                .scores_count = 1,
                                .tallies_count = 1,
                                .rejects_count = 1};
}

bool commit_one(struct state *to, uint32_t partition, uint64_t epoch, uint64_t pseq)
{
    struct effects f;
    struct state_batch b = make_batch(&f, partition, epoch, pseq);
    cr_assert_eq(state_commit(to, &b, 1, &e), OK, "%s", e.text);
    return !b.lost;
}

uint64_t applied_of(uint32_t partition)
{
    struct state_cursor cursor;
    cr_assert_eq(state_cursor_get(s, partition, &cursor, &e), OK, "%s", e.text);
    return cursor.applied;
}
