#include "at.h"
#include "page.h"
#include "services/validator/core.h"
#include "services/validator/rejects.h"
#include "small_catalog.h"
#include "wire/wire.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct world { /* a validator and what it did */
    struct catalog *catalog;
    struct validator *core;
    struct buffer record;
    struct buffer packed; /* the last Verdicts */
    int sent, hellos, troubles, asked;
    enum err send_result;
    char endpoint[64];
};

static enum err to_coordinator(void *ctx, unsigned source, uint64_t peer, uint32_t kind,
                               const ProtobufCMessage *message)
{
    (void)source, (void)peer;
    struct world *b = ctx;
    (void)message;
    b->hellos += kind == PARBUS__TO_COORDINATOR__BODY_HELLO;
    b->asked += kind == PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED;
    return OK;
}

static enum err to_scorer(void *ctx, const char *endpoint, const Parbus__Verdicts *verdicts)
{
    struct world *b = ctx;
    b->sent++;
    snprintf(b->endpoint, sizeof b->endpoint, "%s", endpoint);
    buffer_clear(&b->packed);
    wire_pack(&b->packed, PARBUS__TO_SCORER__BODY_VERDICTS, &verdicts->base);
    return b->send_result;
}

static void hear(void *ctx, enum tell_level level, const char *id, const char *text)
{
    struct world *b = ctx;
    (void)id, (void)text;
    b->troubles += level >= TELL_WARN;
}

static void setup(struct world *b)
{
    *b = (struct world){.catalog = small_catalog_new()};
    struct worker_config config = {
        .role = PARBUS__ROLE__ROLE_VALIDATOR, .instance = "validator-1", .heartbeat_us = 1000, .catalog = b->catalog};
    struct validator_io io = {b, to_coordinator, hear, to_scorer};
    b->core = validator_new(&config, &io, at(0));
}

static void teardown(struct world *b)
{
    validator_destroy(&b->core);
    catalog_destroy(&b->catalog);
    buffer_free(&b->record);
    buffer_free(&b->packed);
}

static void work_as_it_is(struct world *b, int64_t now_us)
{
    Parbus__Work w = PARBUS__WORK__INIT;
    w.has_partition = w.has_owner_epoch = w.has_first_pseq = w.has_control_seq = w.has_record = 1;
    w.partition = 4, w.owner_epoch = 9, w.first_pseq = 100, w.control_seq = 3;
    w.scorer = "ipc://scorer-1";
    w.record = (ProtobufCBinaryData){b->record.size, b->record.data};
    validator_receive(b->core, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WORK, &w.base), at(now_us));
}

static void work_at(struct world *b, int64_t now_us)
{
    if (b->record.size >= RECORD_HEADER_BYTES)
        record_seal(b->record.data, b->record.size, &(struct record_place){4, 100, 1});
    work_as_it_is(b, now_us);
}

static void work(struct world *b) { work_at(b, 0); }

/* What a scorer would read; it must always be readable. */
static const Parbus__Verdicts *verdicts(struct world *b, struct arena *arena)
{
    struct wire_message m;
    struct err_text e;
    arena_init(arena, WIRE_ARENA_BYTES);
    cr_assert_eq(wire_open(&wire_to_scorer, b->packed.data, b->packed.size, arena, &m, &e), OK, "%s", e.text);
    return (const Parbus__Verdicts *)m.message;
}

Test(validator_core, passes_a_good_record_on_unchanged)
{
    struct world b;
    struct draft d;
    struct arena arena;
    setup(&b);
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &b.record, HA_NOI, 1, 1);
    work(&b);
    const Parbus__Verdicts *v = verdicts(&b, &arena);
    cr_assert_str_eq(b.endpoint, "ipc://scorer-1");
    cr_assert_eq(v->partition, 4);
    cr_assert_eq(v->owner_epoch, 9);
    cr_assert_eq(v->first_pseq, 100);
    cr_assert_eq(v->n_reject_entry, 0);
    cr_assert_eq(v->record.len, b.record.size);
    cr_assert_eq(memcmp(v->record.data, b.record.data, b.record.size), 0);
    cr_assert_eq(validator_metrics(b.core)->value[METRIC_rows_accepted], 1);
    arena_free(&arena);
    teardown(&b);
}

Test(validator_core, names_rejected_rows_by_entry_and_row)
{
    struct world b;
    struct draft d;
    struct arena arena;
    setup(&b);
    record_begin(&b.record, RECORD_DATA, RECEIVED_MS, 3);
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_add(&d, &b.record, 0, HA_NOI, 1, 1);
    draft_row(&d, A1, 11);
    draft_add(&d, &b.record, 0, HA_NOI, 1, 2);
    draft_add(&d, &b.record, 0, UNIT_NONE, 1, 3);
    work(&b);
    const Parbus__Verdicts *v = verdicts(&b, &arena);
    cr_assert_eq(v->n_reject_entry, 2);
    cr_assert_eq(v->reject_entry[0], 1);
    cr_assert_eq(v->reject_row[0], 1);
    cr_assert_str_eq(v->reject_detail[0], "value 11 is outside 0..10");
    cr_assert_eq(v->reject_entry[1], 2);
    cr_assert_eq(v->reject_row[1], WIRE_ROW_WHOLE);
    const struct metrics *m = validator_metrics(b.core);
    cr_assert_eq(m->value[METRIC_rows_accepted], 2);
    cr_assert_eq(m->value[METRIC_rows_rejected], 3);
    cr_assert_eq(m->reason[PARBUS__REASON__REJECTED_VALUE_OUT_OF_RANGE], 1);
    arena_free(&arena);
    teardown(&b);
}

Test(validator_core, a_body_that_cannot_be_read_is_rejected_as_a_whole)
{
    struct world b;
    struct arena arena;
    struct record_entry entry = {.body_bytes = 3, .feeder = 1, .epoch = 1, .seq = 1, .series = 1, .unit = 1};
    setup(&b);
    record_begin(&b.record, RECORD_DATA, RECEIVED_MS, 3);
    record_add(&b.record, 0, &entry, "\x0a\xff\xff");
    work(&b);
    const Parbus__Verdicts *v = verdicts(&b, &arena);
    cr_assert_eq(v->n_reject_entry, 1);
    cr_assert_eq(v->reject_row[0], WIRE_ROW_WHOLE);
    cr_assert_eq(v->reject_reason[0], PARBUS__REASON__REJECTED_POISON);
    arena_free(&arena);
    teardown(&b);
}

Test(validator_core, a_damaged_record_is_dropped_and_told)
{
    struct world b;
    struct draft d;
    setup(&b);
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &b.record, HA_NOI, 1, 1);
    for (size_t bytes = 0; bytes < b.record.size; bytes++) {
        size_t whole = b.record.size;
        b.record.size = bytes;
        work(&b);
        b.record.size = whole;
    }
    cr_assert_eq(b.sent, 0);
    cr_assert_eq((size_t)b.troubles, b.record.size);
    teardown(&b);
}

Test(validator_core, a_flipped_bit_anywhere_in_a_record_is_found)
{
    struct world b;
    struct draft d;
    setup(&b);
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &b.record, HA_NOI, 1, 1);
    work(&b);
    cr_assert_eq(b.sent, 1);
    for (size_t bit = 0; bit < 8 * b.record.size; bit++) {
        b.record.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        work_as_it_is(&b, 0);
        b.record.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_assert_eq(b.sent, 1);
    cr_assert_eq((size_t)b.troubles, 8 * b.record.size);
    teardown(&b);
}

Test(validator_core, a_control_record_passes_through)
{
    struct world b;
    struct arena arena;
    setup(&b);
    record_begin(&b.record, RECORD_CONTROL, RECEIVED_MS, 3);
    work(&b);
    cr_assert_eq(b.sent, 1);
    cr_assert_eq(verdicts(&b, &arena)->n_reject_entry, 0);
    arena_free(&arena);
    teardown(&b);
}

Test(validator_core, a_record_is_judged_only_once_its_controls_are_known)
{
    struct world b;
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    struct page page;
    setup(&b);
    validator_receive(b.core, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base), at(0));
    record_begin(&b.record, RECORD_CONTROL, RECEIVED_MS, 4);
    work(&b);
    cr_assert_eq(b.sent, 0);
    cr_assert_eq(validator_metrics(b.core)->value[METRIC_records_refused], 1);
    validator_tick(b.core, at(0));
    cr_assert_eq(b.asked, 1);
    page_set_aside(&page, 4, 1, 1);
    validator_receive(b.core, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_CONTROLS, &page.controls.base), at(0));
    page_free(&page);
    work(&b);
    cr_assert_eq(b.sent, 1);
    teardown(&b);
}

Test(validator_core, a_control_that_cannot_be_applied_ends_it)
{
    struct world b;
    struct err_text e;
    struct page page;
    setup(&b);
    cr_assert_eq(validator_over(b.core, &e), OK);
    page_set_aside(&page, 4, 1, 0);
    validator_receive(b.core, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_CONTROLS, &page.controls.base), at(0));
    page_free(&page);
    cr_assert_eq(validator_over(b.core, &e), ERR_INVALID);
    cr_assert_str_eq(e.text, "controls of the journal: control record 4: the entry that is set aside has no pseq");
    teardown(&b);
}

Test(validator_core, counts_what_a_full_queue_drops)
{
    struct world b;
    setup(&b);
    b.send_result = ERR_BUSY;
    record_begin(&b.record, RECORD_CONTROL, RECEIVED_MS, 3);
    work(&b);
    cr_assert_eq(validator_metrics(b.core)->value[METRIC_sends_full], 1);
    teardown(&b);
}

/* A retraction's row takes one byte in the journal and many in Verdicts: the message must fit all the same. */
static void fill_with_faults(struct world *b, size_t odd_rows, size_t even_rows)
{
    static uint32_t indicator[WIRE_ROWS_MAX];
    struct draft d;
    draft_begin(&d);
    d.s.has_retract = d.s.retract = 1;
    d.s.indicator = indicator;
    record_begin(&b->record, RECORD_DATA, RECEIVED_MS, 3);
    for (uint64_t seq = 1; b->record.size < 1 << 20; seq++) {
        d.s.n_indicator = seq % 2 ? odd_rows : even_rows;
        draft_add(&d, &b->record, 0, HA_NOI, 1, seq);
    }
}

static void expect_all_named(struct world *b, const Parbus__Verdicts *v)
{
    struct record_header header;
    uint32_t entries = 0;
    memcpy(&header, b->record.data, sizeof header);
    for (size_t i = 0; i < v->n_reject_entry; i++)
        entries += i == 0 || v->reject_entry[i] != v->reject_entry[i - 1];
    cr_assert_eq(entries, header.count);
}

Test(validator_core, more_than_a_thousand_faulty_rows_reject_their_submission)
{
    struct world b;
    struct arena arena;
    setup(&b);
    fill_with_faults(&b, WIRE_ROWS_MAX, 900);
    work(&b);
    const Parbus__Verdicts *v = verdicts(&b, &arena);
    cr_assert_eq(v->reject_row[0], WIRE_ROW_WHOLE);
    cr_assert_eq(v->reject_entry[1], 1);
    cr_assert_eq(v->reject_row[1], 0);
    expect_all_named(&b, v);
    arena_free(&arena);
    teardown(&b);
}

Test(validator_core, a_record_of_nothing_but_faulty_rows_still_fits_into_one_message)
{
    struct world b;
    struct arena arena;
    setup(&b);
    fill_with_faults(&b, 900, 900);
    work(&b);
    cr_assert_leq(b.packed.size, WIRE_MESSAGE_BYTES_MAX);
    const Parbus__Verdicts *v = verdicts(&b, &arena);
    cr_assert_eq(v->reject_row[0], 0, "while there is room, row by row");
    cr_assert_eq(v->reject_row[v->n_reject_row - 1], WIRE_ROW_WHOLE);
    expect_all_named(&b, v);
    arena_free(&arena);
    teardown(&b);
}

Test(validator_core, small_faulty_submissions_still_fit_into_one_message)
{
    struct world b;
    struct draft d;
    struct arena arena;
    setup(&b);
    draft_begin(&d);
    draft_row(&d, A1, 999);
    record_begin(&b.record, RECORD_DATA, RECEIVED_MS, 3);
    for (uint64_t seq = 1; b.record.size < 1 << 20; seq++)
        draft_add(&d, &b.record, 0, HA_NOI, 1, seq);
    work(&b);
    cr_assert_leq(b.packed.size, WIRE_MESSAGE_BYTES_MAX);
    struct record_header header;
    memcpy(&header, b.record.data, sizeof header);
    cr_assert_eq(verdicts(&b, &arena)->n_reject_entry, header.count);
    arena_free(&arena);
    teardown(&b);
}

Test(validator_core, says_hello_again_when_it_is_not_known)
{
    struct world b;
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    Parbus__WhoAreYou who = PARBUS__WHO_ARE_YOU__INIT;
    setup(&b);
    validator_tick(b.core, at(0));
    validator_receive(b.core, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WELCOME, &welcome.base), at(10));
    validator_receive(b.core, VALIDATOR_COORDINATOR, peer_unnamed(1),
                      WIRE_MESSAGE(PARBUS__TO_WORKER__BODY_WHO_ARE_YOU, &who.base), at(2000000));
    validator_tick(b.core, at(2000000));
    cr_assert_eq(b.hellos, 2);
    teardown(&b);
}

Test(validator_core, what_could_not_be_read_is_counted_and_told)
{
    struct world b;
    struct wire_message bad = {.err = ERR_INVALID, .why = "ToWorker: unknown kind of message 99"};
    setup(&b);
    validator_receive(b.core, VALIDATOR_COORDINATOR, peer_unnamed(1), &bad, at(0));
    cr_assert_eq(b.troubles, 1);
    cr_assert_eq(validator_metrics(b.core)->value[METRIC_messages_malformed], 1);
    teardown(&b);
}

/* I14: the ingestor may have sent it before it heard the Leave. */
Test(validator_core, what_is_on_its_way_to_one_who_leaves_is_still_done)
{
    struct world b;
    struct draft d;
    setup(&b);
    draft_begin(&d);
    draft_row(&d, A1, 5);
    draft_record(&d, &b.record, HA_NOI, 1, 1);
    validator_leave(b.core, at(1000000));
    validator_tick(b.core, at(1199999));
    cr_assert_eq(validator_over(b.core, NULL), OK);
    work_at(&b, 1199999);
    cr_assert_eq(b.sent, 1);
    cr_assert_leq(validator_tick(b.core, at(1200000)), 1399999);
    cr_assert_eq(validator_over(b.core, NULL), OK);
    validator_tick(b.core, at(1399999));
    cr_assert_eq(validator_over(b.core, NULL), ERR_STOPPED);
    teardown(&b);
}
