#include "liar.h"
#include "base/bytes.h"
#include "base/err.h"
#include "journal/record.h"
#include <string.h>

enum { ELEMENTS_MAX = 3, DRAFT_BYTES = 1 << 20 };

void liar_init(struct liar *l, uint64_t seed)
{
    *l = (struct liar){.state = seed};
    arena_init(&l->draft, DRAFT_BYTES);
    arena_init(&l->opened, WIRE_ARENA_BYTES);
}

void liar_free(struct liar *l)
{
    arena_free(&l->draft);
    arena_free(&l->opened);
    buffer_free(&l->packed);
}

uint64_t liar_below(struct liar *l, uint64_t below) { return hash_mix(++l->state) % below; }

static uint64_t number(struct liar *l)
{
    static const uint64_t great[] = {255, 256, 1 << 20, UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    uint64_t kind = liar_below(l, 10);
    if (kind == 0)
        return great[liar_below(l, sizeof great / sizeof *great)];
    return kind < 4 && l->hint_count ? l->hint[liar_below(l, l->hint_count)] : liar_below(l, 9);
}

static char *text(struct liar *l)
{
    static const char *const texts[] = {"", "scorer-1", "scorer-2", "validator-1", "h05", "pci", "2013", "01"};
    return (char *)texts[liar_below(l, sizeof texts / sizeof *texts)];
}

/* A record of any kind, place and entries, with sums that are right. */
static ProtobufCBinaryData record(struct liar *l)
{
    struct buffer b = {0};
    enum record_kind kind = (enum record_kind)(RECORD_DATA + liar_below(l, 3));
    record_begin(&b, kind, (int64_t)number(l), liar_below(l, 4));
    uint64_t entries = kind == RECORD_DATA ? 1 + liar_below(l, 4) : kind == RECORD_RETRY;
    for (uint64_t i = 0; i < entries; i++) {
        struct record_entry entry = {4,         (uint32_t)number(l), number(l),
                                     number(l), (uint32_t)number(l), (uint32_t)number(l)};
        record_add(&b, 0, &entry, "\x08\x01\x10\x01");
    }
    struct record_place place = {(uint32_t)liar_below(l, 3), number(l), 1};
    record_seal(b.data, b.size, &place);
    uint8_t *data = arena_alloc(&l->draft, b.size);
    ASSERT(data);
    memcpy(data, b.data, b.size);
    ProtobufCBinaryData bytes = {b.size, data};
    buffer_free(&b);
    return bytes;
}

static ProtobufCMessage *make(struct liar *l, const ProtobufCMessageDescriptor *type, bool envelope);

static size_t put(struct liar *l, const ProtobufCFieldDescriptor *d, void *at)
{
    const ProtobufCEnumDescriptor *e = d->descriptor;
    switch (d->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)at = make(l, d->descriptor, false);
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_STRING:
        *(char **)at = text(l);
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        *(ProtobufCBinaryData *)at = record(l);
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_ENUM:
        *(int *)at = e->values[liar_below(l, e->n_values)].value;
        return sizeof(int);
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = liar_below(l, 2) != 0;
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_DOUBLE:
        *(double *)at = (double)liar_below(l, 200);
        return sizeof(double);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        *(uint64_t *)at = number(l);
        return sizeof(uint64_t);
    default:
        *(uint32_t *)at = (uint32_t)number(l);
        return sizeof(uint32_t);
    }
}

static void put_elements(struct liar *l, const ProtobufCFieldDescriptor *d, char *message, size_t count)
{
    char *array = arena_alloc(&l->draft, ELEMENTS_MAX * sizeof(ProtobufCBinaryData));
    ASSERT(array);
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        at += put(l, d, array + at);
    *(void **)(message + d->offset) = array;
    *(size_t *)(message + d->quantifier_offset) = count;
}

/* Repeated fields of one message mostly have the same length, as columns must (W6). */
static void put_field(struct liar *l, const ProtobufCFieldDescriptor *d, char *message, size_t count)
{
    if (d->label == PROTOBUF_C_LABEL_REPEATED) {
        put_elements(l, d, message, liar_below(l, 20) ? count : liar_below(l, ELEMENTS_MAX + 1));
        return;
    }
    if (liar_below(l, 10) == 0)
        return;
    if (d->type != PROTOBUF_C_TYPE_MESSAGE && d->type != PROTOBUF_C_TYPE_STRING)
        *(protobuf_c_boolean *)(message + d->quantifier_offset) = 1;
    put(l, d, message + d->offset);
}

static ProtobufCMessage *make(struct liar *l, const ProtobufCMessageDescriptor *type, bool envelope)
{
    ProtobufCMessage *message = arena_alloc(&l->draft, type->sizeof_message);
    ASSERT(message);
    type->message_init(message);
    size_t count = liar_below(l, ELEMENTS_MAX + 1);
    if (!envelope) {
        for (unsigned i = 0; i < type->n_fields; i++)
            put_field(l, &type->fields[i], (char *)message, count);
        return message;
    }
    const ProtobufCFieldDescriptor *kind = &type->fields[liar_below(l, type->n_fields)];
    *(uint32_t *)((char *)message + kind->quantifier_offset) = kind->id;
    put(l, kind, (char *)message + kind->offset);
    return message;
}

void liar_say(struct liar *l, const struct wire_channel *channel, const ProtobufCMessageDescriptor *envelope,
              struct wire_message *m)
{
    do {
        arena_reset(&l->draft);
        arena_reset(&l->opened);
        buffer_clear(&l->packed);
        const ProtobufCMessage *message = make(l, envelope, true);
        protobuf_c_message_pack(message, buffer_grow(&l->packed, protobuf_c_message_get_packed_size(message)));
    } while (wire_open(channel, l->packed.data, l->packed.size, &l->opened, m, NULL));
}
