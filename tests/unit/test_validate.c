#include "small_catalog.h"
#include "validate/validate.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct seen {
    struct catalog *catalog;
    struct record_entry entry;
    uint64_t as_of;
    uint32_t suggestions_left;
    size_t count, stop_after;
    uint32_t row[DRAFT_ROWS_MAX];
    Parbus__Reason reason[DRAFT_ROWS_MAX];
    char detail[VALIDATE_DETAIL_BYTES];
} s;
static struct draft d;

static bool note(void *ctx, uint32_t row, Parbus__Reason reason, const char *detail)
{
    (void)ctx;
    s.row[s.count] = row;
    s.reason[s.count++] = reason;
    snprintf(s.detail, sizeof s.detail, "%s", detail);
    return s.count < s.stop_after;
}

static uint32_t check(void)
{
    s.count = 0;
    s.suggestions_left = 1;
    struct validate_input in = {.catalog = s.catalog,
                                .entry = &s.entry,
                                .submission = &d.s,
                                .received_ms = RECEIVED_MS,
                                .as_of = s.as_of,
                                .suggestions_left = &s.suggestions_left};
    return validate_submission(&in, note, NULL);
}

static void expect_whole(Parbus__Reason reason, const char *words)
{
    cr_assert_eq(check(), 1);
    cr_assert_eq(s.count, 1);
    cr_assert_eq(s.row[0], WIRE_ROW_WHOLE);
    cr_assert_eq(s.reason[0], reason, "%d", s.reason[0]);
    cr_assert(strstr(s.detail, words), "%s", s.detail);
}

static void expect_row(uint32_t row, Parbus__Reason reason, const char *words)
{
    cr_assert_eq(check(), 1);
    cr_assert_eq(s.row[0], row);
    cr_assert_eq(s.reason[0], reason, "%d", s.reason[0]);
    cr_assert(strstr(s.detail, words), "%s", s.detail);
}

/* Three rows that are right. */
static void good(void)
{
    draft_begin(&d);
    draft_row(&d, A1, 7.5);
    draft_row(&d, A2, 88);
    draft_row(&d, B, 20);
}

/* Judged as of the newest control, with the unit and the series that the submission names. */
static void reset(void)
{
    s.entry = (struct record_entry){.series = 1, .unit = HA_NOI};
    s.as_of = 3;
    s.stop_after = DRAFT_ROWS_MAX;
    good();
}

static void start(void)
{
    s.catalog = small_catalog_new();
    reset();
}

static void end(void) { catalog_destroy(&s.catalog); }

TestSuite(validate, .init = start, .fini = end);

Test(validate, accepts_what_is_right)
{
    draft_evidence(&d, 1, "https://example.org/1.pdf");
    cr_assert_eq(check(), 0);
}

Test(validate, an_unknown_unit_is_named_with_its_nearest_neighbours)
{
    d.s.unit = "Ha Nooi";
    s.entry.unit = UNIT_NONE;
    cr_assert_eq(check(), 1);
    cr_assert(strstr(s.detail, "unknown unit \"Ha Nooi\"; nearest: "), "%s", s.detail);
    cr_assert(strstr(s.detail, "Hà Nội (01)"), "%s", s.detail);
}

Test(validate, a_unit_that_fits_several_is_ambiguous)
{
    s.entry.unit = UNIT_AMBIGUOUS;
    expect_whole(PARBUS__REASON__REJECTED_UNIT_AMBIGUOUS, "several");
}

Test(validate, a_unit_outside_the_cohort_is_rejected)
{
    s.entry.unit = HUE;
    expect_whole(PARBUS__REASON__REJECTED_UNIT_NOT_IN_COHORT, "Huế (03)");
}

Test(validate, an_unknown_index_and_a_period_that_is_not_open_differ)
{
    s.entry.series = SERIES_NONE;
    d.s.index = "minni";
    expect_whole(PARBUS__REASON__REJECTED_INDEX_UNKNOWN, "unknown index \"minni\"; nearest: mini");
    reset();
    s.entry.series = SERIES_NONE;
    d.s.period = "2026";
    expect_whole(PARBUS__REASON__REJECTED_PERIOD_UNKNOWN, "2025");
}

Test(validate, what_was_published_later_is_not_seen)
{
    s.entry.series = SERIES_NONE;
    s.as_of = 1;
    expect_whole(PARBUS__REASON__REJECTED_INDEX_UNKNOWN, "unknown index \"mini\"");
}

Test(validate, a_stage_that_the_index_does_not_have)
{
    d.s.stage = PARBUS__STAGE__STAGE_APPRAISED_2;
    expect_whole(PARBUS__REASON__REJECTED_STAGE_UNKNOWN, "self, appraised_1, survey");
}

Test(validate, no_rows)
{
    draft_begin(&d);
    expect_whole(PARBUS__REASON__REJECTED_EMPTY, "no rows");
}

Test(validate, columns_of_different_length_are_never_read)
{
    d.s.n_value = 1;
    expect_whole(PARBUS__REASON__REJECTED_POISON, "1 values");
}

Test(validate, rows_are_judged_one_by_one)
{
    draft_begin(&d);
    draft_row(&d, A1, 10);
    draft_row(&d, 99, 1);
    draft_row(&d, 2, 1);
    draft_row(&d, B, 20.5);
    draft_row(&d, B, NAN);
    draft_row(&d, B, INFINITY);
    draft_row(&d, A2, 0);
    static const Parbus__Reason reasons[] = {
        PARBUS__REASON__REJECTED_INDICATOR_UNKNOWN,  PARBUS__REASON__REJECTED_INDICATOR_NOT_LEAF,
        PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, PARBUS__REASON__REJECTED_VALUE_NOT_FINITE,
        PARBUS__REASON__REJECTED_VALUE_NOT_FINITE,
    };
    cr_assert_eq(check(), 5);
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(s.row[i], i + 1);
        cr_assert_eq(s.reason[i], reasons[i]);
    }
}

Test(validate, a_value_out_of_range_is_told_the_range)
{
    draft_begin(&d);
    draft_row(&d, B, 20.5);
    expect_row(0, PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE, "value 20.5 is outside 0..20");
}

Test(validate, times_before_1970_or_more_than_a_day_ahead_are_invalid)
{
    static const struct {
        int64_t observed_ms;
        uint32_t rejected;
    } cases[] = {
        {0, 0},         {-1, 1},       {RECEIVED_MS + VALIDATE_DAY_MS, 0}, {RECEIVED_MS + VALIDATE_DAY_MS + 1, 1},
        {INT64_MAX, 1}, {INT64_MIN, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        draft_begin(&d);
        draft_row(&d, B, 1);
        d.s.n_row_observed_ms = 1;
        d.observed_ms[0] = cases[i].observed_ms;
        cr_assert_eq(check(), cases[i].rejected, "case %zu", i);
    }
}

Test(validate, the_default_time_is_the_submissions_then_the_receipt)
{
    draft_begin(&d);
    draft_row(&d, B, 1);
    cr_assert_eq(submission_observed_ms(&d.s, 0, RECEIVED_MS), RECEIVED_MS);
    d.s.has_observed_ms = 1;
    d.s.observed_ms = 5;
    cr_assert_eq(submission_observed_ms(&d.s, 0, RECEIVED_MS), 5);
    d.s.n_row_observed_ms = 1;
    d.observed_ms[0] = 6;
    cr_assert_eq(submission_observed_ms(&d.s, 0, RECEIVED_MS), 6);
}

Test(validate, evidence_of_a_row_that_is_not_there_or_out_of_order)
{
    draft_evidence(&d, 3, "x");
    expect_whole(PARBUS__REASON__REJECTED_EVIDENCE_INVALID, "row 3");
    reset();
    draft_evidence(&d, 2, "x");
    draft_evidence(&d, 1, "x");
    expect_whole(PARBUS__REASON__REJECTED_EVIDENCE_INVALID, "ascending");
}

Test(validate, a_digest_of_the_wrong_length_rejects_its_row)
{
    uint8_t digest[31] = {0};
    draft_evidence(&d, 1, "x");
    d.evidence[0].has_sha256 = 1;
    d.evidence[0].sha256 = (ProtobufCBinaryData){sizeof digest, digest};
    expect_row(1, PARBUS__REASON__REJECTED_EVIDENCE_INVALID, "32 bytes");
}

Test(validate, a_retraction_has_no_values_to_judge)
{
    draft_begin(&d);
    draft_retract_row(&d, A1);
    draft_retract_row(&d, 99);
    expect_row(1, PARBUS__REASON__REJECTED_INDICATOR_UNKNOWN, "99");
}

Test(validate, stops_when_told_to)
{
    draft_begin(&d);
    for (int i = 0; i < 5; i++)
        draft_row(&d, 99, 1);
    s.stop_after = 2;
    cr_assert_eq(check(), 2);
}

Test(validate, nearest_names_are_looked_for_only_so_often)
{
    s.entry.unit = UNIT_NONE;
    d.s.unit = "Ha Nooi";
    struct validate_input in = {.catalog = s.catalog,
                                .entry = &s.entry,
                                .submission = &d.s,
                                .received_ms = RECEIVED_MS,
                                .as_of = 3,
                                .suggestions_left = &s.suggestions_left};
    validate_submission(&in, note, NULL);
    cr_assert_str_eq(s.detail, "unknown unit \"Ha Nooi\"");
}
