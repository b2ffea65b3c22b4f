/* Whatever bytes come, wire_open gives a checked message or a reason; what it gives survives packing and opening again;
 * and the hot path's decoder gives the same submission as the general one. */
#include "base/err.h"
#include "fuzz.h"
#include "wire/decode.h"
#include "wire/scan.h"
#include "wire/varint.h"
#include "wire/wire.h"
#include <string.h>

static const struct wire_channel *const channels[] = {
    &wire_to_ingestor,  &wire_to_feeder,  &wire_to_coordinator, &wire_to_worker,      &wire_to_scorer,
    &wire_to_publisher, &wire_feed_event, &wire_to_snapshots,   &wire_from_snapshots,
};

static struct arena arena, second;
static struct buffer wrapped, packed, packed_again;

static void pack_twice(const struct wire_channel *channel, const struct wire_message *opened)
{
    struct wire_message again;
    struct err_text e = {""};
    buffer_clear(&packed);
    wire_pack(&packed, opened->kind, opened->message);
    if (packed.size > WIRE_SUBMISSION_BYTES_MAX) /* unpacked columns may have hidden behind the limit */
        return;
    arena_reset(&second);
    ASSERT(wire_open(channel, packed.data, packed.size, &second, &again, &e) == OK);
    ASSERT(again.kind == opened->kind);
    buffer_clear(&packed_again);
    wire_pack(&packed_again, again.kind, again.message);
    ASSERT(packed.size == packed_again.size && memcmp(packed.data, packed_again.data, packed.size) == 0);
}

static void open_in_each_channel(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        struct wire_message opened = {0};
        struct err_text e = {""};
        arena_reset(&arena);
        if (wire_open(channels[i], data, bytes, &arena, &opened, &e) == OK)
            pack_twice(channels[i], &opened);
        else
            ASSERT(e.text[0]);
    }
}

static bool same_text(const char *a, const char *b) { return strcmp(a, b ? b : "") == 0; }

static bool same_column(const void *a, size_t a_count, const void *b, size_t b_count, size_t bytes)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * bytes) == 0);
}

static bool same_submission(const Parbus__Submission *a, const Parbus__Submission *b)
{
    return a->has_seq == b->has_seq && a->seq == b->seq && a->has_stage == b->has_stage && a->stage == b->stage &&
           a->has_retract == b->has_retract && a->retract == b->retract && a->has_observed_ms == b->has_observed_ms &&
           a->observed_ms == b->observed_ms && same_text(a->index, b->index) && same_text(a->period, b->period) &&
           same_text(a->unit, b->unit) && same_column(a->indicator, a->n_indicator, b->indicator, b->n_indicator, 4) &&
           same_column(a->value, a->n_value, b->value, b->n_value, 8) &&
           same_column(a->row_observed_ms, a->n_row_observed_ms, b->row_observed_ms, b->n_row_observed_ms, 8) &&
           a->n_evidence == 0 && b->n_evidence == 0;
}

static void compare_decoders(const uint8_t *body, size_t bytes)
{
    arena_reset(&arena);
    arena_reset(&second);
    const Parbus__Submission *straight = wire_decode_submission(body, bytes, &arena);
    if (!straight) {
        ASSERT(arena.used == 0);
        return;
    }
    ASSERT(wire_scan(&parbus__submission__descriptor, "submission", body, bytes, NULL) == OK);
    const Parbus__Submission *general = parbus__submission__unpack(&second.allocator, bytes, body);
    ASSERT(general && same_submission(straight, general));
}

/* The message with a length in its envelope that fits, so that a mutation gets behind rule W2. */
static void open_repaired(const uint8_t *data, size_t bytes)
{
    const uint8_t *at = data, *end = data + bytes;
    uint64_t tag, length;
    if (!wire_varint(&at, end, &tag) || !wire_varint(&at, end, &length))
        return;
    size_t body_bytes = (size_t)(end - at);
    buffer_clear(&wrapped);
    *(uint8_t *)buffer_grow(&wrapped, 1) = (uint8_t)tag;
    for (size_t left = body_bytes;; left >>= 7) {
        *(uint8_t *)buffer_grow(&wrapped, 1) = (uint8_t)(left & 0x7f) | (uint8_t)(left >= 0x80 ? 0x80 : 0);
        if (left < 0x80)
            break;
    }
    buffer_append(&wrapped, at, body_bytes);
    open_in_each_channel(wrapped.data, wrapped.size);
    compare_decoders(at, body_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!arena.base) {
        arena_init(&arena, WIRE_ARENA_BYTES);
        arena_init(&second, WIRE_ARENA_BYTES);
    }
    open_in_each_channel(data, bytes);
    open_repaired(data, bytes);
    return 0;
}
