#include "journal/journal.h"
#include "services/parbus/replay/replay.h"
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
    append(j, &(struct journal_group){.commit = journal_last_commit(j) + 1, .put = &put, .put_count = 1});
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

/* A control in every partition; in partition 1 it may be an entry that is sent again. */
static void append_everywhere(struct journal *j, Parbus__Control *control, uint64_t seq, const struct buffer *retry)
{
    struct buffer entry = {0}, packed = {0};
    struct journal_put put[PARTITIONS];
    control->has_control_seq = 1;
    control->control_seq = seq;
    record_begin(&entry, RECORD_CONTROL, RECEIVED_MS, seq);
    protobuf_c_message_pack(&control->base, buffer_grow(&packed, protobuf_c_message_get_packed_size(&control->base)));
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        uint64_t last = 0;
        const struct buffer *record = p == 1 && retry ? retry : &entry;
        cr_assert_eq(journal_last_pseq(j, p, &last, NULL), OK);
        put[p] = (struct journal_put){p, last + 1, record->data, record->size};
    }
    struct journal_control stored = {seq, packed.data, packed.size};
    append(j, &(struct journal_group){.commit = journal_last_commit(j) + 1,
                                      .put = put,
                                      .put_count = PARTITIONS,
                                      .control = &stored,
                                      .control_count = 1});
    buffer_free(&entry);
    buffer_free(&packed);
}

static void append_set_aside(struct journal *j, uint64_t pseq, uint64_t seq)
{
    Parbus__SetAside m = PARBUS__SET_ASIDE__INIT;
    m.has_partition = m.has_pseq = m.has_tries = 1;
    m.partition = 1, m.pseq = pseq, m.tries = 3, m.instance = "scorer-1";
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_SET_ASIDE;
    control.set_aside = &m;
    append_everywhere(j, &control, seq, NULL);
}

static void append_retry(struct journal *j, uint64_t pseq, uint64_t seq)
{
    Parbus__Readmitted m = PARBUS__READMITTED__INIT;
    m.has_partition = m.has_pseq = 1;
    m.partition = 1, m.pseq = pseq;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_READMITTED;
    control.readmitted = &m;
    struct buffer record = {0};
    record_begin(&record, RECORD_RETRY, RECEIVED_MS, seq);
    add_entry(&record, pseq);
    append_everywhere(j, &control, seq, &record);
    buffer_free(&record);
}

/* Of the 20 entries, 7 is set aside; 8 and 9 are and come again, 9 to be rejected again; so is 6, once more at its new
 * place. */
static uint64_t append_poison(const char *directory)
{
    struct journal *j;
    struct err_text e;
    uint64_t last;
    struct journal_options options = {.writer = true, .partitions = PARTITIONS, .map_bytes = 16 << 20};
    cr_assert_eq(journal_open(&j, directory, &options, &e), OK, "%s", e.text);
    for (uint64_t pseq = 6; pseq <= 9; pseq++)
        append_set_aside(j, pseq, pseq - 2);
    append_retry(j, 8, 8);
    append_retry(j, 9, 9);
    append_retry(j, 6, 10);
    cr_assert_eq(journal_last_pseq(j, 1, &last, NULL), OK);
    append_set_aside(j, last, 11);
    cr_assert_eq(journal_last_pseq(j, 1, &last, NULL), OK);
    journal_close(&j);
    return last;
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

static struct fixture f;

static void start(void) { setup(&f); }

static void stop(void) { teardown(&f); }

TestSuite(replay, .init = start, .fini = stop);

Test(replay, counts_what_it_did)
{
    replay_into(&f, "a", 0);
    cr_assert_eq(f.totals.records, RECORDS);
    cr_assert_eq(f.totals.submissions, PSEQ_LAST);
    cr_assert_eq(f.totals.observations, 2 * PSEQ_LAST);
    cr_assert_eq(f.totals.done, f.totals.planned);
    cr_assert_eq(f.totals.left_out, 0);
}

Test(replay, twice_gives_the_same_state)
{
    char text[256];
    replay_into(&f, "a", 0);
    replay_into(&f, "b", 0);
    difference(&f, "a", "b", text);
    cr_assert_str_eq(text, "");
}

Test(replay, stops_within_a_record_and_goes_on_from_there)
{
    char text[256];
    struct state_cursor cursor;
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
}

Test(replay, a_journal_that_ends_too_early_is_an_error)
{
    struct err_text e = {""};
    char directory[128];
    uint64_t cursors[PARTITIONS] = {0, PSEQ_LAST + 1};
    snprintf(directory, sizeof directory, "%s/a", f.directory);
    struct replay_options options = {
        .journal_directory = f.directory, .state_directory = directory, .settings = &f.settings, .until = cursors};
    cr_assert_eq(replay_run(&options, &f.totals, &e), ERR_CORRUPT);
    cr_assert(strstr(e.text, "partition 1"), "%s", e.text);
}

static bool note_reject(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                        const struct reject_header *header, const char *detail)
{
    char *out = ctx;
    (void)feeder, (void)epoch, (void)detail;
    if (row == UINT32_MAX && seq >= 6 && seq <= 9)
        sprintf(out + strlen(out), "%d:%s:p%d ", (int)seq,
                header->reason == PARBUS__REASON__REJECTED_POISON ? "poison" : "other", (int)header->pseq);
    return true;
}

static bool take_tally(void *ctx, uint32_t feeder, uint64_t epoch, const struct tally *tally)
{
    (void)feeder, (void)epoch;
    *(struct tally *)ctx = *tally;
    return true;
}

Test(replay, what_is_set_aside_and_sent_again_comes_out_the_same)
{
    char text[256], rejects[256] = "";
    uint64_t last = append_poison(f.directory);
    replay_into(&f, "whole", 0);
    cr_assert_eq(f.totals.submissions, PSEQ_LAST + 3, "a retry is a submission");
    struct state *s = open_state(&f, "whole");
    struct tally tally = {0};
    cr_assert_eq(state_rejects_each(s, 7, 1, 0, 0, note_reject, rejects, NULL), OK);
    cr_assert_str_eq(rejects, "6:poison:p27 7:poison:p7 9:other:p26 ");
    cr_assert_eq(state_tallies_each(s, 1, take_tally, &tally, NULL), OK);
    cr_assert_eq(tally.scored, PSEQ_LAST);
    state_close(&s);
    for (uint64_t until = 1; until < last; until++)
        replay_into(&f, "part", until);
    replay_into(&f, "part", 0);
    difference(&f, "whole", "part", text);
    cr_assert_str_eq(text, "", "%s", text);
}

/* What was applied before an entry was set aside is what it would have been after it. */
Test(replay, entries_before_one_that_is_set_aside_do_not_depend_on_it)
{
    char text[256];
    replay_into(&f, "live", 5); /* up to its record's begin, and within it */
    replay_into(&f, "live", 6);
    struct journal *j;
    struct err_text e;
    struct journal_options options = {.writer = true, .partitions = PARTITIONS, .map_bytes = 16 << 20};
    cr_assert_eq(journal_open(&j, f.directory, &options, &e), OK, "%s", e.text);
    append_set_aside(j, 7, 4);
    journal_close(&j);
    replay_into(&f, "live", 0);
    replay_into(&f, "again", 0);
    difference(&f, "live", "again", text);
    cr_assert_str_eq(text, "", "%s", text);
}
