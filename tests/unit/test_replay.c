#include "journal/journal.h"
#include "services/parbus/replay.h"
#include "small_catalog.h"
#include "state/state.h"
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PARTITIONS = 2, ENTRIES = 5, RECORDS = 4, PSEQ_LAST = RECORDS * ENTRIES };

struct fixture {
    char directory[64];
    struct settings settings;
    struct replay_totals totals;
};

static void append(struct journal *j, const struct journal_group *g)
{
    struct err_text e;
    cr_assert_eq(journal_append(j, g, &e), OK, "%s", e.text);
}

static void append_control(void *ctx, const Parbus__Control *control)
{
    struct buffer packed = {0};
    protobuf_c_message_pack(&control->base, buffer_grow(&packed, protobuf_c_message_get_packed_size(&control->base)));
    struct journal_control put = {control->control_seq, packed.data, packed.size};
    append(ctx, &(struct journal_group){.control = &put, .control_count = 1});
    buffer_free(&packed);
}

/* Values, values that lose, a row that is rejected, a whole submission that is. */
static void add_entry(struct buffer *record, uint64_t pseq)
{
    struct draft d;
    draft_begin(&d);
    d.s.has_observed_ms = 1;
    d.s.observed_ms = (int64_t)(pseq * 7 % 11);
    draft_row(&d, A1, (double)(pseq % 10));
    draft_row(&d, B, pseq % 6 ? 12.5 : 99);
    draft_add(&d, record, 0, pseq % 9 ? HA_NOI : UNIT_NONE, 7, pseq);
}

static void append_record(struct journal *j, uint32_t partition, uint64_t first_pseq)
{
    struct buffer record = {0};
    record_begin(&record, RECORD_DATA, RECEIVED_MS, 3);
    for (uint64_t pseq = first_pseq; pseq < first_pseq + ENTRIES; pseq++)
        add_entry(&record, pseq);
    struct journal_put put = {partition, first_pseq, record.data, record.size};
    append(j, &(struct journal_group){.put = &put, .put_count = 1});
    buffer_free(&record);
}

static void setup(struct fixture *f)
{
    struct journal *j;
    struct err_text e;
    struct journal_options options = {.writer = true, .partitions = PARTITIONS, .map_bytes = 16 << 20};
    settings_defaults(&f->settings);
    f->settings.state_map_bytes = f->settings.journal_map_bytes = 16 << 20;
    snprintf(f->directory, sizeof f->directory, "/tmp/replay-test-XXXXXX");
    cr_assert(mkdtemp(f->directory));
    cr_assert_eq(journal_open(&j, f->directory, &options, &e), OK, "%s", e.text);
    small_catalog_controls(append_control, j);
    for (uint64_t pseq = 1; pseq <= PSEQ_LAST; pseq += ENTRIES)
        append_record(j, 1, pseq);
    journal_close(&j);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static void teardown(struct fixture *f) { nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static void replay_into(struct fixture *f, const char *name, uint64_t until)
{
    char directory[128];
    struct err_text e;
    uint64_t cursors[PARTITIONS] = {0, until};
    snprintf(directory, sizeof directory, "%s/%s", f->directory, name);
    struct replay_options options = {.journal_directory = f->directory,
                                     .state_directory = directory,
                                     .settings = &f->settings,
                                     .until = until ? cursors : NULL};
    cr_assert_eq(replay_run(&options, &f->totals, &e), OK, "%s", e.text);
}

static struct state *open_state(struct fixture *f, const char *name)
{
    char directory[128];
    struct err_text e;
    struct state *s;
    struct state_options options = {.map_bytes = 16 << 20};
    snprintf(directory, sizeof directory, "%s/%s", f->directory, name);
    cr_assert_eq(state_open(&s, directory, &options, &e), OK, "%s", e.text);
    return s;
}

static void difference(struct fixture *f, const char *a, const char *b, char text[static 256])
{
    struct err_text e;
    struct state *first = open_state(f, a), *second = open_state(f, b);
    cr_assert_eq(state_compare(first, second, text, 256, &e), OK, "%s", e.text);
    state_close(&first);
    state_close(&second);
}

Test(replay, counts_what_it_did)
{
    struct fixture f;
    setup(&f);
    replay_into(&f, "a", 0);
    cr_assert_eq(f.totals.records, RECORDS);
    cr_assert_eq(f.totals.submissions, PSEQ_LAST);
    cr_assert_eq(f.totals.observations, 2 * PSEQ_LAST);
    cr_assert_eq(f.totals.done, f.totals.planned);
    cr_assert_eq(f.totals.left_out, 0);
    teardown(&f);
}

Test(replay, twice_gives_the_same_state)
{
    struct fixture f;
    char text[256];
    setup(&f);
    replay_into(&f, "a", 0);
    replay_into(&f, "b", 0);
    difference(&f, "a", "b", text);
    cr_assert_str_eq(text, "");
    teardown(&f);
}

Test(replay, stops_within_a_record_and_goes_on_from_there)
{
    struct fixture f;
    char text[256];
    struct state_cursor cursor;
    setup(&f);
    replay_into(&f, "whole", 0);
    for (uint64_t until = 1; until < PSEQ_LAST; until += 3) {
        replay_into(&f, "part", until);
        struct state *s = open_state(&f, "part");
        cr_assert_eq(state_cursor_get(s, 1, &cursor, NULL), OK);
        cr_assert_eq(cursor.applied, until);
        state_close(&s);
        difference(&f, "whole", "part", text);
        cr_assert_str_neq(text, "");
    }
    replay_into(&f, "part", 0);
    difference(&f, "whole", "part", text);
    cr_assert_str_eq(text, "", "%s", text);
    teardown(&f);
}

Test(replay, a_journal_that_ends_too_early_is_an_error)
{
    struct fixture f;
    struct err_text e = {""};
    char directory[128];
    setup(&f);
    uint64_t cursors[PARTITIONS] = {0, PSEQ_LAST + 1};
    snprintf(directory, sizeof directory, "%s/a", f.directory);
    struct replay_options options = {
        .journal_directory = f.directory, .state_directory = directory, .settings = &f.settings, .until = cursors};
    cr_assert_eq(replay_run(&options, &f.totals, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "partition 1"), "%s", e.text);
    teardown(&f);
}
