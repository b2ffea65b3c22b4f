/* Whatever bytes the journal gives back, record_open gives entries that lie within them, or a reason; and a change of
 * any bit of a record that was sealed is seen. */
#include "base/err.h"
#include "fuzz.h"
#include "journal/record.h"
#include "wire/wire.h"
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void read_all(const uint8_t *data, size_t bytes)
{
    struct record_reader r;
    struct record_entry entry;
    const uint8_t *body;
    struct err_text e = {""};
    const Parbus__Submission *submission;
    uint32_t count = 0;
    if (record_open(&r, data, bytes, &e)) {
        ASSERT(e.text[0]);
        return;
    }
    for (; record_next(&r, &entry, &body); count++) {
        ASSERT(body >= data && body + entry.body_bytes <= data + bytes);
        arena_reset(&arena);
        if (wire_open_submission(body, entry.body_bytes, &arena, &submission, &e))
            ASSERT(e.text[0]);
    }
    ASSERT(count == record_entries(&r.header));
    ASSERT(!record_find(&r, data, bytes, r.header.first_pseq, r.header.first_pseq + count, &entry, &body));
}

/* With sums that fit, so that a mutation gets behind them. */
static void read_sealed(const uint8_t *data, size_t bytes)
{
    static const struct record_place place = {7, 41, 3};
    struct record_reader r;
    uint8_t *copy = malloc(bytes);
    ASSERT(copy);
    memcpy(copy, data, bytes);
    record_seal(copy, bytes, &place);
    read_all(copy, bytes);
    if (record_open(&r, copy, bytes, NULL) == OK) {
        size_t bit = (data[0] | (size_t)data[1] << 8) % (bytes * 8);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ASSERT(record_open(&r, copy, bytes, NULL) != OK);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!arena.base)
        arena_init(&arena, WIRE_ARENA_BYTES);
    read_all(data, bytes);
    if (bytes >= RECORD_HEADER_BYTES)
        read_sealed(data, bytes);
    return 0;
}
