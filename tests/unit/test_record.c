#include "journal/record.h"
#include <criterion/criterion.h>
#include <string.h>

static struct record_entry entry_of(uint64_t seq, const char *body)
{
    return (struct record_entry){
        .body_bytes = (uint32_t)strlen(body), .feeder = 7, .epoch = 2, .seq = seq, .series = 3, .unit = 44};
}

static void seal(struct buffer *b, size_t start)
{
    record_seal(b->data + start, b->size - start,
                &(struct record_place){.partition = 3, .first_pseq = 100, .commit = 6});
}

static void two_entries(struct buffer *b)
{
    struct record_entry first = entry_of(10, "twelve bytes"), second = entry_of(11, "");
    record_begin(b, RECORD_DATA, 1700000000123, 5);
    record_add(b, 0, &first, "twelve bytes");
    record_add(b, 0, &second, NULL);
    seal(b, 0);
}

static enum err open_bytes(struct buffer *b, size_t bytes)
{
    /* A copy of exactly this size, so that reading past the end is seen. */
    uint8_t *exact = malloc(bytes ? bytes : 1);
    memcpy(exact, b->data, bytes);
    struct record_reader r;
    struct err_text e = {0};
    enum err err = record_open(&r, exact, bytes, &e);
    cr_assert(err == OK || e.text[0], "an error has a sentence");
    free(exact);
    return err;
}

static struct buffer b;

static void stop(void) { buffer_free(&b); }

TestSuite(record, .fini = stop);

Test(record, what_was_added_comes_back_in_order)
{
    struct record_reader r;
    struct record_entry entry;
    const uint8_t *body;
    two_entries(&b);
    cr_assert_eq(b.size, 48 + 32 + 16 + 32);
    cr_assert_eq(record_open(&r, b.data, b.size, NULL), OK);
    cr_assert_eq(r.header.kind, RECORD_DATA);
    cr_assert_eq(r.header.count, 2);
    cr_assert_eq(r.header.received_ms, 1700000000123);
    cr_assert_eq(r.header.control_seq, 5);
    cr_assert(record_next(&r, &entry, &body));
    cr_assert_eq(entry.seq, 10);
    cr_assert_eq(entry.unit, 44);
    cr_assert_eq(memcmp(body, "twelve bytes\0\0\0\0", 16), 0, "padded with zeroes");
    cr_assert(record_next(&r, &entry, &body));
    cr_assert_eq(entry.seq, 11);
    cr_assert_eq(entry.body_bytes, 0);
    cr_assert_eq(r.index, 2);
    cr_assert_not(record_next(&r, &entry, &body));
}

Test(record, a_record_may_begin_anywhere_in_a_buffer)
{
    buffer_append(&b, "odd", 3);
    size_t start = b.size;
    struct record_entry only = entry_of(1, "x");
    record_begin(&b, RECORD_DATA, 1, 0);
    record_add(&b, start, &only, "x");
    seal(&b, start);
    struct record_reader r;
    const uint8_t *body;
    cr_assert_eq(record_open(&r, b.data + start, b.size - start, NULL), OK);
    cr_assert(record_next(&r, &only, &body));
    cr_assert_eq(*body, 'x');
}

Test(record, a_control_counts_one_and_has_no_entry)
{
    struct record_reader r;
    struct record_entry entry;
    const uint8_t *body;
    record_begin(&b, RECORD_CONTROL, 9, 12);
    seal(&b, 0);
    cr_assert_eq(record_open(&r, b.data, b.size, NULL), OK);
    cr_assert_eq(r.header.count, 1);
    cr_assert_eq(r.header.control_seq, 12);
    cr_assert_not(record_next(&r, &entry, &body));
}

Test(record, no_shorter_prefix_is_a_record)
{
    two_entries(&b);
    for (size_t bytes = 0; bytes < b.size; bytes++)
        cr_assert_eq(open_bytes(&b, bytes), ERR_CORRUPT, "%zu bytes", bytes);
    cr_assert_eq(open_bytes(&b, b.size), OK);
    buffer_append(&b, "\0\0\0\0\0\0\0\0", 8);
    cr_assert_eq(open_bytes(&b, b.size), ERR_CORRUPT, "bytes after the last entry");
}

Test(record, every_flipped_bit_is_found)
{
    struct record_header h;
    two_entries(&b);
    for (size_t bit = 0; bit < 8 * b.size; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect_eq(open_bytes(&b, b.size), ERR_CORRUPT, "bit %zu", bit);
        cr_expect_eq(record_header_read(&h, b.data, b.size, NULL), bit < 8 * 48 ? ERR_CORRUPT : OK, "bit %zu", bit);
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_assert_eq(open_bytes(&b, b.size), OK);
}

Test(record, what_was_not_sealed_is_no_record)
{
    struct record_entry entry = entry_of(10, "x");
    record_begin(&b, RECORD_DATA, 9, 12);
    record_add(&b, 0, &entry, "x");
    cr_assert_eq(open_bytes(&b, b.size), ERR_CORRUPT);
}

Test(record, it_says_where_it_stands)
{
    struct record_header h;
    two_entries(&b);
    cr_assert_eq(record_header_read(&h, b.data, b.size, NULL), OK);
    cr_assert_eq(h.partition, 3);
    cr_assert_eq(h.first_pseq, 100);
    cr_assert_eq(h.commit, 6);
}

Test(record, header_and_lengths_are_not_believed)
{
    static const struct {
        size_t offset;
        uint8_t value;
        enum err expected;
    } cases[] = {{0, 1, ERR_VERSION},   {0, 0, ERR_VERSION},   {1, 3, ERR_CORRUPT},   {1, 0, ERR_CORRUPT},
                 {1, 2, ERR_CORRUPT},   {4, 0, ERR_CORRUPT},   {4, 1, ERR_CORRUPT},   {4, 3, ERR_CORRUPT},
                 {7, 255, ERR_CORRUPT}, {48, 17, ERR_CORRUPT}, {51, 255, ERR_CORRUPT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer_clear(&b);
        two_entries(&b);
        b.data[cases[i].offset] = cases[i].value;
        seal(&b, 0);
        cr_expect_eq(open_bytes(&b, b.size), cases[i].expected, "byte %zu = %u", cases[i].offset, cases[i].value);
    }
}

Test(record, a_retry_holds_one_entry)
{
    struct record_reader r;
    struct record_entry entry = entry_of(10, "twelve bytes"), out;
    const uint8_t *body;
    record_begin(&b, RECORD_RETRY, 9, 12);
    seal(&b, 0);
    cr_assert_eq(open_bytes(&b, b.size), ERR_CORRUPT, "none");
    record_add(&b, 0, &entry, "twelve bytes");
    seal(&b, 0);
    cr_assert_eq(record_open(&r, b.data, b.size, NULL), OK);
    cr_assert_eq(r.header.kind, RECORD_RETRY);
    cr_assert_eq(record_entries(&r.header), 1);
    cr_assert(record_next(&r, &out, &body));
    cr_assert_eq(memcmp(&out, &entry, sizeof out), 0);
    cr_assert_not(record_next(&r, &out, &body));
    b.data[4] = 2;
    seal(&b, 0);
    cr_assert_eq(open_bytes(&b, b.size), ERR_CORRUPT, "two");
}

Test(record, an_entry_is_found_by_its_pseq)
{
    struct record_reader r;
    struct record_entry entry;
    const uint8_t *body;
    two_entries(&b);
    cr_assert(record_find(&r, b.data, b.size, 100, 100, &entry, &body));
    cr_assert_eq(entry.seq, 10);
    cr_assert_eq(memcmp(body, "twelve bytes", 12), 0);
    cr_assert_eq(r.header.received_ms, 1700000000123);
    cr_assert(record_find(&r, b.data, b.size, 100, 101, &entry, &body));
    cr_assert_eq(entry.seq, 11);
    cr_assert_not(record_find(&r, b.data, b.size, 100, 99, &entry, &body));
    cr_assert_not(record_find(&r, b.data, b.size, 100, 102, &entry, &body));
    b.data[4] = 1;
    cr_assert_not(record_find(&r, b.data, b.size, 100, 100, &entry, &body), "a damaged record has no entries");
    buffer_clear(&b);
    record_begin(&b, RECORD_CONTROL, 9, 12);
    seal(&b, 0);
    cr_assert_not(record_find(&r, b.data, b.size, 100, 100, &entry, &body), "a control has none");
}

Test(record, what_stands_at_the_same_place_in_another_past_has_another_mark)
{
    two_entries(&b);
    uint64_t first = record_mark_at(b.data, b.size, 100, 100), second = record_mark_at(b.data, b.size, 100, 101);
    cr_assert(first && second && first != second);
    cr_assert_eq(record_mark_at(b.data, b.size, 100, 102), 0);
    struct record_entry entry = entry_of(11, "");
    buffer_clear(&b);
    record_begin(&b, RECORD_DATA, 1700000000123, 5);
    record_add(&b, 0, &entry, NULL);
    seal(&b, 0);
    cr_assert_eq(record_mark_at(b.data, b.size, 101, 101), second, "what is before it may be cut off");
    record_seal(b.data, b.size, &(struct record_place){.partition = 3, .first_pseq = 101, .commit = 7});
    cr_assert_neq(record_mark_at(b.data, b.size, 101, 101), second, "another commit");
    b.data[8]++;
    cr_assert_eq(record_mark_at(b.data, b.size, 101, 101), 0, "damaged");
    seal(&b, 0);
    cr_assert_neq(record_mark_at(b.data, b.size, 101, 101), second, "another time");
}

Test(record, a_control_has_a_mark_too)
{
    record_begin(&b, RECORD_CONTROL, 9, 12);
    seal(&b, 0);
    cr_assert_neq(record_mark_at(b.data, b.size, 100, 100), 0);
    cr_assert_eq(record_mark_at(b.data, b.size, 100, 101), 0);
}
