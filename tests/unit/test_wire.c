#include "wire/wire.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct arena arena;
static struct buffer packed;
static struct err_text why;
static struct wire_message opened;

static void setup(void) { arena_init(&arena, WIRE_ARENA_BYTES); }
static void teardown(void)
{
    arena_free(&arena);
    buffer_free(&packed);
}
TestSuite(wire, .init = setup, .fini = teardown);

static enum err open_packed(const struct wire_channel *channel)
{
    arena_reset(&arena);
    why.text[0] = 0;
    opened = (struct wire_message){0};
    return wire_open(channel, packed.data, packed.size, &arena, &opened, &why);
}

static enum err open_sent(const struct wire_channel *channel, uint32_t kind, const void *message)
{
    buffer_clear(&packed);
    wire_pack(&packed, kind, message);
    return open_packed(channel);
}

static enum err open_submission(const Parbus__Submission *s)
{
    return open_sent(&wire_to_ingestor, PARBUS__TO_INGESTOR__BODY_SUBMISSION, s);
}

/* `says` is the whole sentence. */
static void refused(enum err err, enum err expected, const char *says)
{
    cr_assert_eq(err, expected, "%s: %s", err_name(err), why.text);
    cr_assert_str_eq(why.text, says);
    cr_assert_eq(opened.err, expected);
    cr_assert_str_eq(opened.why, says);
}

static uint32_t indicators[3] = {11, 12, 300};
static double values[3] = {1.5, -2, 1e300};
static int64_t times[3] = {1, 2, 3};

static Parbus__Submission sample(void)
{
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1, s.seq = 7;
    s.index = "qd766", s.period = "2025-10", s.unit = "Hà Nội";
    s.has_stage = 1, s.stage = PARBUS__STAGE__STAGE_SELF;
    s.n_indicator = 3, s.indicator = indicators;
    s.n_value = 3, s.value = values;
    return s;
}

Test(wire, a_submission_comes_back_as_it_was_sent)
{
    Parbus__Submission s = sample();
    s.n_row_observed_ms = 3, s.row_observed_ms = times;
    s.has_observed_ms = 1, s.observed_ms = -5;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
    cr_assert_eq(opened.kind, PARBUS__TO_INGESTOR__BODY_SUBMISSION);
    const Parbus__Submission *got = (const Parbus__Submission *)opened.message;
    cr_assert_eq(got->seq, 7);
    cr_assert_str_eq(got->unit, "Hà Nội");
    cr_assert_eq(got->observed_ms, -5);
    cr_assert_eq(got->n_indicator, 3);
    cr_assert_eq(got->indicator[2], 300);
    cr_assert_eq(got->value[2], 1e300);
    cr_assert_eq(got->row_observed_ms[1], 2);
}

Test(wire, the_body_is_what_the_journal_keeps)
{
    Parbus__Submission s = sample();
    cr_assert_eq(open_submission(&s), OK);
    cr_assert(opened.body > packed.data && opened.body + opened.body_bytes == packed.data + packed.size);
    const Parbus__Submission *again;
    arena_reset(&arena);
    cr_assert_eq(wire_open_submission(opened.body, opened.body_bytes, &arena, &again, &why), OK);
    cr_assert_eq(again->seq, 7);
}

Test(wire, text_that_was_left_out_is_empty)
{
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.has_seq = 1, s.seq = 1;
    Parbus__Evidence evidence = PARBUS__EVIDENCE__INIT, *list[] = {&evidence};
    s.n_evidence = 1, s.evidence = list;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
    const Parbus__Submission *got = (const Parbus__Submission *)opened.message;
    cr_assert_str_eq(got->index, "");
    cr_assert_str_eq(got->evidence[0]->uri, "");
    cr_assert_str_eq(got->evidence[0]->note, "");
}

Test(wire, values_that_are_not_finite_are_left_to_the_validator)
{
    Parbus__Submission s = sample();
    double odd[] = {NAN, INFINITY, -INFINITY};
    s.value = odd;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
}

Test(wire, too_long_names_are_refused_by_field)
{
    char text[2100];
    memset(text, 'x', sizeof text);
    Parbus__Submission s = sample();
    s.unit = text, text[256] = 0;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
    text[256] = 'x', text[300] = 0;
    refused(open_submission(&s), ERR_TOO_LARGE, "submission.unit: 300 bytes, at most 256");
    s = sample(), s.index = text, text[65] = 0;
    refused(open_submission(&s), ERR_TOO_LARGE, "submission.index: 65 bytes, at most 64");
}

Test(wire, limits_hold_in_nested_messages)
{
    char text[2100];
    memset(text, 'x', sizeof text);
    text[2049] = 0;
    Parbus__Submission s = sample();
    Parbus__Evidence evidence = PARBUS__EVIDENCE__INIT, *list[] = {&evidence};
    s.n_evidence = 1, s.evidence = list, evidence.uri = text;
    refused(open_submission(&s), ERR_TOO_LARGE, "submission.evidence.uri: 2049 bytes, at most 2048");
    text[2048] = 0;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
}

/* The answer to a submission that breaks a rule needs its seq. */
Test(wire, what_can_be_decoded_is_there_even_when_it_is_refused)
{
    Parbus__Submission s = sample();
    s.unit = "\xc0\xaf";
    cr_assert_eq(open_submission(&s), ERR_INVALID);
    cr_assert_eq(((const Parbus__Submission *)opened.message)->seq, 7);
    s = sample(), s.n_value = 2;
    cr_assert_eq(open_submission(&s), ERR_INVALID);
    cr_assert_eq(((const Parbus__Submission *)opened.message)->seq, 7);
}

Test(wire, text_with_a_nul_is_refused_not_cut_off)
{
    static const uint8_t hello[] = {0x0a, 6, 0x12, 4, 'a', 'b', 0, 'c'};
    buffer_append(&packed, hello, sizeof hello);
    refused(open_packed(&wire_to_ingestor), ERR_INVALID, "hello.feeder: not well-formed UTF-8, or with a NUL in it");
}

Test(wire, an_unknown_enum_value_is_refused)
{
    Parbus__Submission s = sample();
    s.stage = 9;
    refused(open_submission(&s), ERR_INVALID, "submission.stage: unknown value 9");
    s.stage = -1;
    refused(open_submission(&s), ERR_INVALID, "submission.stage: unknown value -1");
}

Test(wire, columns_have_the_same_length)
{
    Parbus__Submission s = sample();
    s.n_value = 2;
    refused(open_submission(&s), ERR_INVALID, "submission.value has 2 rows, indicator has 3");
    s = sample(), s.n_row_observed_ms = 1, s.row_observed_ms = times;
    refused(open_submission(&s), ERR_INVALID, "submission.row_observed_ms has 1 row, indicator has 3");
    s = sample(), s.has_retract = 1, s.retract = 1;
    refused(open_submission(&s), ERR_INVALID, "submission.value: a retraction has no values");
    s.n_value = 0;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
}

Test(wire, a_submission_has_a_number)
{
    Parbus__Submission s = sample();
    s.seq = 0;
    refused(open_submission(&s), ERR_INVALID, "submission.seq: absent, or 0");
}

Test(wire, a_submission_has_at_most_16384_rows)
{
    static uint32_t many[WIRE_ROWS_MAX + 1];
    static double numbers[WIRE_ROWS_MAX + 1];
    Parbus__Submission s = sample();
    s.n_indicator = s.n_value = WIRE_ROWS_MAX, s.indicator = many, s.value = numbers;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
    s.n_indicator = s.n_value = WIRE_ROWS_MAX + 1;
    refused(open_submission(&s), ERR_TOO_LARGE, "submission.indicator: 16385 rows, at most 16384");
}

Test(wire, verdicts_have_whole_ascending_rows)
{
    uint32_t entry[] = {0, 1}, row[] = {5, 2}, reason[] = {100, 112};
    char *detail[] = {"", "x"};
    Parbus__Verdicts v = PARBUS__VERDICTS__INIT;
    v.n_reject_entry = v.n_reject_row = v.n_reject_reason = v.n_reject_detail = 2;
    v.reject_entry = entry, v.reject_row = row, v.reject_reason = reason, v.reject_detail = detail;
    cr_assert_eq(open_sent(&wire_to_scorer, 1, &v), OK, "%s", why.text);
    v.n_reject_detail = 1;
    refused(open_sent(&wire_to_scorer, 1, &v), ERR_INVALID, "verdicts.reject_detail has 1 row, reject_entry has 2");
    v.n_reject_detail = 2, entry[1] = 0;
    refused(open_sent(&wire_to_scorer, 1, &v), ERR_INVALID, "verdicts.reject_row: not ascending at entry 0");
    row[1] = 5;
    refused(open_sent(&wire_to_scorer, 1, &v), ERR_INVALID, "verdicts.reject_row: not ascending at entry 0");
    entry[1] = 1, reason[0] = 99;
    refused(open_sent(&wire_to_scorer, 1, &v), ERR_INVALID, "verdicts.reject_reason: unknown value 99");
}

Test(wire, columns_of_committed_and_snapshot_rows_fit)
{
    uint32_t partition[] = {1, 2};
    uint64_t pseq[] = {10};
    Parbus__Committed c = PARBUS__COMMITTED__INIT;
    c.n_partition = 2, c.partition = partition, c.n_pseq = 1, c.pseq = pseq;
    refused(open_sent(&wire_to_publisher, PARBUS__TO_PUBLISHER__BODY_COMMITTED, &c), ERR_INVALID,
            "committed.pseq has 1 row, partition has 2");
    Parbus__SnapshotRows rows = PARBUS__SNAPSHOT_ROWS__INIT;
    Parbus__Row row = PARBUS__ROW__INIT, *list[] = {&row};
    rows.n_row = 1, rows.row = list;
    refused(open_sent(&wire_from_snapshots, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, &rows), ERR_INVALID,
            "rows.name has 0 rows, row has 1");
}

static enum err open_controls(uint64_t first, uint64_t last, size_t packed_count, uint64_t offset, uint64_t of)
{
    uint8_t bytes[4] = "abc";
    ProtobufCBinaryData whole[2] = {{3, bytes}, {3, bytes}};
    Parbus__Controls c = PARBUS__CONTROLS__INIT;
    c.has_first = c.has_last = c.has_piece = c.has_piece_offset = c.has_piece_of = 1;
    c.first = first, c.last = last, c.n_packed = packed_count, c.packed = whole;
    c.piece = (ProtobufCBinaryData){of ? 4 : 0, bytes}, c.piece_offset = offset, c.piece_of = of;
    return open_sent(&wire_to_worker, PARBUS__TO_WORKER__BODY_CONTROLS, &c);
}

Test(wire, controls_are_numbered_up_to_the_last_one)
{
    cr_assert_eq(open_controls(0, 9, 0, 0, 0), OK, "%s", why.text);
    cr_assert_eq(open_controls(8, 9, 2, 0, 0), OK, "%s", why.text);
    refused(open_controls(0, 9, 1, 0, 0), ERR_INVALID, "controls.packed: 1 from 0 on, the last one is 9");
    refused(open_controls(9, 9, 2, 0, 0), ERR_INVALID, "controls.packed: 2 from 9 on, the last one is 9");
    refused(open_controls(10, 9, 1, 0, 0), ERR_INVALID, "controls.packed: 1 from 10 on, the last one is 9");
    refused(open_controls(8, 9, 2, 0, 4), ERR_INVALID, "controls.packed: 3 from 8 on, the last one is 9");
    Parbus__ControlsWanted wanted = PARBUS__CONTROLS_WANTED__INIT;
    refused(open_sent(&wire_to_coordinator, PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED, &wanted), ERR_INVALID,
            "controls_wanted.first: absent, or 0");
}

Test(wire, a_piece_of_a_control_lies_within_it)
{
    cr_assert_eq(open_controls(8, 9, 1, 6, 10), OK, "%s", why.text);
    refused(open_controls(9, 9, 0, 7, 10), ERR_INVALID, "controls.piece: 4 bytes at 7 of 10");
    refused(open_controls(9, 9, 0, UINT64_MAX, 10), ERR_INVALID,
            "controls.piece: 4 bytes at 18446744073709551615 of 10");
}

/* Any number but 0 is true. */
Test(wire, a_flag_may_be_any_number)
{
    static const uint8_t bytes[] = {0x12, 7, 0x08, 1, 0x30, 2, 0x42, 1, 5};
    buffer_append(&packed, bytes, sizeof bytes);
    cr_assert_eq(open_packed(&wire_to_ingestor), OK, "%s", why.text);
    cr_assert_eq(((const Parbus__Submission *)opened.message)->retract, 1);
}

Test(wire, status_asks_forwards)
{
    Parbus__Status s = PARBUS__STATUS__INIT;
    s.has_from_seq = s.has_to_seq = 1, s.from_seq = 5, s.to_seq = 3;
    refused(open_sent(&wire_to_ingestor, PARBUS__TO_INGESTOR__BODY_STATUS, &s), ERR_INVALID,
            "status.from_seq: 5 is after to_seq 3");
}

Test(wire, an_envelope_holds_one_field_and_nothing_after_it)
{
    Parbus__Stats stats = PARBUS__STATS__INIT;
    cr_assert_eq(open_sent(&wire_to_ingestor, PARBUS__TO_INGESTOR__BODY_STATS, &stats), OK);
    buffer_append(&packed, packed.data, packed.size);
    refused(open_packed(&wire_to_ingestor), ERR_INVALID, "ToIngestor: the envelope holds 2 bytes, its field says 0");
    buffer_clear(&packed);
    refused(open_packed(&wire_to_ingestor), ERR_INVALID, "ToIngestor: the envelope cannot be read");
    buffer_append(&packed, "\x0a\x05x", 3);
    refused(open_packed(&wire_to_ingestor), ERR_INVALID, "ToIngestor: the envelope holds 1 byte, its field says 5");
}

Test(wire, an_unknown_kind_is_refused)
{
    Parbus__Stats stats = PARBUS__STATS__INIT;
    refused(open_sent(&wire_to_ingestor, 99, &stats), ERR_INVALID, "ToIngestor: unknown kind of message 99");
}

Test(wire, a_change_of_rights_holds_a_change)
{
    Parbus__ChangeAccess ask = PARBUS__CHANGE_ACCESS__INIT;
    Parbus__AccessChange nothing = PARBUS__ACCESS_CHANGE__INIT;
    static const char sentence[] = "change_access.change: absent, or nothing that this program knows";
    refused(open_sent(&wire_to_ingestor, PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS, &ask), ERR_INVALID, sentence);
    ask.change = &nothing;
    refused(open_sent(&wire_to_ingestor, PARBUS__TO_INGESTOR__BODY_CHANGE_ACCESS, &ask), ERR_INVALID, sentence);
}

Test(wire, unknown_fields_are_passed_over)
{
    /* hello: field 1 = 1, field 50 as varint, fixed64, text that is no UTF-8, fixed32; then feeder = "a". */
    static const uint8_t body[] = {0x08, 1,    0x90, 3, 7,    0x91, 3, 1, 2, 3, 4, 5,    6, 7,
                                   8,    0x92, 3,    1, 0xff, 0x95, 3, 1, 2, 3, 4, 0x12, 1, 'a'};
    uint8_t head[] = {0x0a, sizeof body};
    buffer_append(&packed, head, 2);
    buffer_append(&packed, body, sizeof body);
    cr_assert_eq(open_packed(&wire_to_ingestor), OK, "%s", why.text);
    cr_assert_str_eq(((const Parbus__Hello *)opened.message)->feeder, "a");
}

Test(wire, a_field_of_another_type_is_refused)
{
    static const uint8_t hello[] = {0x0a, 2, 0x10, 5}; /* feeder as a number */
    buffer_append(&packed, hello, sizeof hello);
    refused(open_packed(&wire_to_ingestor), ERR_INVALID, "hello.feeder: of another type than the protocol says");
}

Test(wire, columns_may_come_unpacked)
{
    static const uint8_t bytes[] = {0x12, 26,   0x08, 1,    0x40, 5, 0x40, 6, 0x49, 0, 0, 0,    0,    0,
                                    0,    0xf0, 0x3f, 0x49, 0,    0, 0,    0, 0,    0, 0, 0x40, 0x40, 7};
    buffer_append(&packed, bytes, sizeof bytes);
    refused(open_packed(&wire_to_ingestor), ERR_INVALID, "submission.value has 2 rows, indicator has 3");
    packed.data[1] = 24, packed.size -= 2;
    cr_assert_eq(open_packed(&wire_to_ingestor), OK, "%s", why.text);
    const Parbus__Submission *s = (const Parbus__Submission *)opened.message;
    cr_assert_eq(s->indicator[1], 6);
    cr_assert_eq(s->value[0], 1.0);
    cr_assert_eq(s->value[1], 2.0);
}

Test(wire, a_message_cut_off_anywhere_is_refused)
{
    Parbus__Submission s = sample();
    cr_assert_eq(open_submission(&s), OK);
    size_t whole = packed.size;
    for (packed.size = 0; packed.size < whole; packed.size++)
        cr_assert_neq(open_packed(&wire_to_ingestor), OK, "cut at %zu", packed.size);
    /* With a head that fits, the body breaks off. Cut between two fields it is a message again, without columns. */
    for (size_t cut = 1; cut + 2 < whole; cut++) {
        packed.data[1] = (uint8_t)(whole - 2 - cut), packed.size = whole - cut;
        enum err err = open_packed(&wire_to_ingestor);
        cr_assert(err == OK || why.text[0], "no reason at %zu", cut);
    }
}

static void bomb(const struct wire_channel *channel, uint8_t kind, uint8_t field, size_t bytes)
{
    uint8_t head[] = {(uint8_t)(kind << 3 | 2), (uint8_t)(bytes | 0x80), (uint8_t)(bytes >> 7 | 0x80),
                      (uint8_t)(bytes >> 14)};
    uint8_t part[] = {(uint8_t)(field << 3 | 2), 0};
    buffer_clear(&packed);
    buffer_append(&packed, head, sizeof head);
    for (size_t i = 0; i < bytes / 2; i++)
        buffer_append(&packed, part, sizeof part);
    enum err err = open_packed(channel);
    cr_assert(err == ERR_NOMEM || err == ERR_TOO_LARGE, "%s", why.text);
    cr_assert_leq(arena.used, 25 * bytes + (4 << 20));
}

Test(wire, a_submission_may_have_as_much_evidence_as_rows)
{
    static Parbus__Evidence evidence[WIRE_ROWS_MAX];
    static Parbus__Evidence *each[WIRE_ROWS_MAX];
    Parbus__Submission s = sample();
    for (size_t i = 0; i < WIRE_ROWS_MAX; i++) {
        evidence[i] = (Parbus__Evidence)PARBUS__EVIDENCE__INIT;
        each[i] = &evidence[i];
    }
    s.n_evidence = WIRE_ROWS_MAX;
    s.evidence = each;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
}

Test(wire, a_message_of_empty_parts_is_refused_before_it_fills_the_memory)
{
    bomb(&wire_to_ingestor, PARBUS__TO_INGESTOR__BODY_SUBMISSION, 11, 1 << 20);
    bomb(&wire_to_feeder, PARBUS__TO_FEEDER__BODY_VERDICT, 4, 1 << 20);
    bomb(&wire_from_snapshots, PARBUS__FROM_SNAPSHOTS__BODY_ROWS, 2, 1 << 20);
}

Test(wire, a_submission_is_at_most_1_mib_and_a_message_2)
{
    static char record[WIRE_MESSAGE_BYTES_MAX];
    Parbus__Work work = PARBUS__WORK__INIT;
    work.has_record = 1, work.record.data = (uint8_t *)record, work.record.len = sizeof record - 16;
    cr_assert_eq(open_sent(&wire_to_worker, PARBUS__TO_WORKER__BODY_WORK, &work), OK, "%s", why.text);
    work.record.len = sizeof record;
    cr_assert_eq(open_sent(&wire_to_worker, PARBUS__TO_WORKER__BODY_WORK, &work), ERR_TOO_LARGE);
    Parbus__Submission s = sample();
    static Parbus__Evidence evidence[1000], *list[1000];
    static char note[1025];
    memset(note, 'n', 1024);
    for (size_t i = 0; i < 1000; i++) {
        parbus__evidence__init(&evidence[i]);
        evidence[i].uri = evidence[i].note = note, list[i] = &evidence[i];
    }
    s.evidence = list, s.n_evidence = 500;
    cr_assert_eq(open_submission(&s), OK, "%s", why.text);
    s.n_evidence = 520;
    cr_assert_eq(open_submission(&s), ERR_TOO_LARGE);
}

/* The densest messages that are of use must fit into what a message may take when decoded. */
Test(wire, dense_messages_fit_the_memory_limit)
{
    enum { COUNT = 50000 };
    static Parbus__Tally tally[COUNT], *tallies[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        parbus__tally__init(&tally[i]);
        tally[i].has_feeder = tally[i].has_epoch = tally[i].has_scored = 1;
        tally[i].feeder = (uint32_t)i, tally[i].epoch = 1, tally[i].scored = 1, tallies[i] = &tally[i];
    }
    Parbus__Owned owned = PARBUS__OWNED__INIT;
    owned.n_tally = COUNT, owned.tally = tallies;
    cr_assert_eq(open_sent(&wire_to_coordinator, PARBUS__TO_COORDINATOR__BODY_OWNED, &owned), OK, "%s", why.text);
    static Parbus__Reject reject[COUNT], *rejects[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        parbus__reject__init(&reject[i]);
        reject[i].has_seq = reject[i].has_row = reject[i].has_reason = 1;
        reject[i].seq = 1, reject[i].row = 1, reject[i].reason = 100, rejects[i] = &reject[i];
    }
    Parbus__Verdict verdict = PARBUS__VERDICT__INIT;
    verdict.n_reject = COUNT, verdict.reject = rejects;
    cr_assert_eq(open_sent(&wire_to_feeder, PARBUS__TO_FEEDER__BODY_VERDICT, &verdict), OK, "%s", why.text);
}
