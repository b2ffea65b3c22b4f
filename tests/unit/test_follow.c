/* A catalog that follows the journal by messages (rule I20). */
#include "catalog/follow.h"
#include "small_catalog.h"
#include <criterion/criterion.h>
#include <string.h>

enum { CONTROLS = 3 };

static struct buffer packed[CONTROLS + 1]; /* by number */
static struct catalog *catalog;
static struct follow f;
static struct err_text e;

static void pack(void *ctx, const Parbus__Control *control)
{
    (void)ctx;
    struct buffer *b = &packed[control->control_seq];
    protobuf_c_message_pack(&control->base, buffer_grow(b, protobuf_c_message_get_packed_size(&control->base)));
}

static void setup(void)
{
    catalog = catalog_new();
    follow_init(&f, catalog);
    small_catalog_controls(pack, NULL);
}

static void teardown(void)
{
    follow_free(&f);
    catalog_destroy(&catalog);
    for (int i = 1; i <= CONTROLS; i++)
        buffer_free(&packed[i]);
}
TestSuite(follow, .init = setup, .fini = teardown);

/* A page of the controls first .. first + count - 1. */
static enum err give(uint64_t first, size_t count, uint64_t last, int64_t now_us)
{
    ProtobufCBinaryData whole[CONTROLS];
    Parbus__Controls page = PARBUS__CONTROLS__INIT;
    page.last = last;
    page.first = first;
    page.packed = whole;
    for (; page.n_packed < count; page.n_packed++) {
        const struct buffer *b = &packed[first + page.n_packed];
        whole[page.n_packed] = (ProtobufCBinaryData){b->size, b->data};
    }
    return follow_take(&f, &page, now_us, &e);
}

/* `bytes` of control `number`, from `offset` on. */
static enum err give_piece(uint64_t number, size_t offset, size_t bytes)
{
    Parbus__Controls page = PARBUS__CONTROLS__INIT;
    page.last = CONTROLS;
    page.first = number;
    page.piece = (ProtobufCBinaryData){bytes, packed[number].data + offset};
    page.piece_offset = offset;
    page.piece_of = packed[number].size;
    return follow_take(&f, &page, 0, &e);
}

static void expect_question(uint64_t first, uint64_t offset, int64_t now_us)
{
    Parbus__ControlsWanted ask;
    cr_assert(follow_ask(&f, &ask, now_us));
    cr_assert_eq(ask.first, first);
    cr_assert_eq(ask.piece_offset, offset);
}

static void expect_no_question(int64_t now_us)
{
    Parbus__ControlsWanted ask;
    cr_assert_not(follow_ask(&f, &ask, now_us));
}

Test(follow, asks_for_nothing_as_long_as_it_has_heard_of_nothing)
{
    cr_assert(follow_complete(&f));
    expect_no_question(1000000);
    cr_assert_eq(follow_deadline_us(&f), INT64_MAX);
}

Test(follow, what_is_pushed_in_order_is_applied_without_a_question)
{
    for (uint64_t seq = 1; seq <= CONTROLS; seq++)
        cr_assert_eq(give(seq, 1, seq, 0), OK, "%s", e.text);
    cr_assert_eq(catalog_control_seq(catalog), CONTROLS);
    expect_no_question(0);
}

Test(follow, a_missed_one_is_asked_for_at_once_and_nothing_after_it_is_applied_before)
{
    give(1, 1, 1, 0);
    cr_assert_eq(give(3, 1, 3, 10), OK);
    cr_assert_eq(catalog_control_seq(catalog), 1);
    cr_assert_eq(follow_deadline_us(&f), 0);
    expect_question(2, 0, 10);
    give(2, 2, 3, 20);
    cr_assert_eq(catalog_control_seq(catalog), 3);
    cr_assert(follow_complete(&f));
}

Test(follow, a_question_without_an_answer_is_asked_again_after_a_while)
{
    cr_assert_not(follow_knows(&f, 2));
    expect_question(1, 0, 500);
    expect_no_question(500 + FOLLOW_ASK_AGAIN_US - 1);
    cr_assert_eq(follow_deadline_us(&f), 500 + FOLLOW_ASK_AGAIN_US);
    cr_assert_not(follow_knows(&f, 3), "to hear of more is no reason to ask twice");
    expect_no_question(501);
    expect_question(1, 0, 500 + FOLLOW_ASK_AGAIN_US);
}

Test(follow, the_next_page_is_asked_for_as_soon_as_one_came)
{
    follow_knows(&f, 3);
    expect_question(1, 0, 0);
    give(1, 1, 3, 7);
    expect_question(2, 0, 7);
}

Test(follow, what_is_known_or_repeated_changes_nothing)
{
    give(1, 2, 2, 0);
    cr_assert_eq(give(1, 2, 2, 0), OK);
    cr_assert_eq(give(2, 2, 3, 0), OK, "%s", e.text);
    cr_assert_eq(catalog_control_seq(catalog), 3);
    cr_assert(follow_knows(&f, 3));
}

Test(follow, an_answer_that_brings_nothing_new_is_no_reason_to_ask_at_once)
{
    give(1, 1, 3, 0);
    expect_question(2, 0, 0);
    give(1, 1, 3, 5);
    expect_no_question(5);
}

Test(follow, a_control_longer_than_a_message_comes_in_pieces)
{
    size_t half = packed[1].size / 2;
    follow_knows(&f, 1);
    cr_assert_eq(give_piece(1, 0, half), OK);
    cr_assert_eq(catalog_control_seq(catalog), 0);
    expect_question(1, half, 0);
    cr_assert_eq(give_piece(1, 0, half), OK, "the first half again is left out");
    cr_assert_eq(give_piece(1, half, packed[1].size - half), OK, "%s", e.text);
    cr_assert_eq(catalog_control_seq(catalog), 1);
    expect_question(2, 0, 0);
}

Test(follow, a_control_that_comes_whole_makes_its_pieces_worthless)
{
    give_piece(1, 0, packed[1].size / 2);
    cr_assert_eq(give(1, 1, 3, 0), OK, "%s", e.text);
    expect_question(2, 0, 0);
    cr_assert_eq(give_piece(2, 0, packed[2].size), OK, "%s", e.text);
    cr_assert_eq(catalog_control_seq(catalog), 2);
}

Test(follow, what_cannot_be_applied_is_an_error)
{
    packed[1].size--;
    cr_assert_eq(give(1, 1, 1, 0), ERR_CORRUPT);
    cr_assert_eq(catalog_control_seq(catalog), 0);
}

Test(follow, a_control_beyond_every_limit_is_an_error)
{
    Parbus__Controls page = PARBUS__CONTROLS__INIT;
    page.last = page.first = 1;
    page.piece = (ProtobufCBinaryData){1, packed[1].data};
    page.piece_of = FOLLOW_CONTROL_BYTES_MAX + 1ull;
    cr_assert_eq(follow_take(&f, &page, 0, &e), ERR_TOO_LARGE);
}

Test(follow, a_catalog_that_knows_something_already_asks_for_the_rest)
{
    give(1, 2, 2, 0);
    follow_init(&f, catalog);
    cr_assert(follow_complete(&f));
    cr_assert_not(follow_knows(&f, 3));
    expect_question(3, 0, 0);
}
