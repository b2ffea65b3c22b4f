#include "sample.h"
#include "base/bytes.h"
#include "journal.pb-c.h"
#include "supervisor.pb-c.h"
#include <stdio.h>
#include <string.h>

enum { ELEMENTS = 2, OTHER_BYTES = 5, SHA256_BYTES = 32 };

const struct golden_channel golden_channels[] = {
    {"to_ingestor", &parbus__to_ingestor__descriptor, &wire_to_ingestor},
    {"to_feeder", &parbus__to_feeder__descriptor, &wire_to_feeder},
    {"to_coordinator", &parbus__to_coordinator__descriptor, &wire_to_coordinator},
    {"to_worker", &parbus__to_worker__descriptor, &wire_to_worker},
    {"to_scorer", &parbus__to_scorer__descriptor, &wire_to_scorer},
    {"to_publisher", &parbus__to_publisher__descriptor, &wire_to_publisher},
    {"feed_event", &parbus__feed_event__descriptor, &wire_feed_event},
    {"to_snapshots", &parbus__to_snapshots__descriptor, &wire_to_snapshots},
    {"from_snapshots", &parbus__from_snapshots__descriptor, &wire_from_snapshots},
    {"control", &parbus__control__descriptor, NULL},
};
const unsigned golden_channel_count = sizeof golden_channels / sizeof *golden_channels;

struct field {
    const ProtobufCMessageDescriptor *message;
    const ProtobufCFieldDescriptor *d;
    unsigned element;
    struct arena *arena;
};

static bool is_field(const struct field *f, const char *message, const char *field)
{
    return strcmp(f->message->short_name, message) == 0 && strcmp(f->d->name, field) == 0;
}

/* 1 .. 10^9 and the element; the few values that wire_check wants otherwise. */
static uint64_t number(const struct field *f)
{
    char name[128];
    int n = snprintf(name, sizeof name, "%s.%s", f->message->short_name, f->d->name);
    if (is_field(f, "Verdicts", "reject_reason"))
        return PARBUS__REASON__REJECTED_INDICATOR_UNKNOWN + f->element;
    if (is_field(f, "Status", "to_seq") || is_field(f, "Controls", "last") || is_field(f, "Controls", "piece_of"))
        return 2000000000;
    if (is_field(f, "Submission", "retract"))
        return 0;
    return 1 + hash_bytes(name, (size_t)n) % 1000000000 + f->element;
}

static void put_text(const struct field *f, void *at)
{
    char *text = arena_alloc(f->arena, 80);
    snprintf(text, 80, "%s %u: chỉ số", f->d->name, f->element + 1);
    *(char **)at = text;
}

static size_t bytes_of(const char *field)
{
    if (strcmp(field, "sha256") == 0 || strcmp(field, "public_key") == 0)
        return SHA256_BYTES;
    return strcmp(field, "token") == 0 ? WIRE_INVITATION_BYTES : OTHER_BYTES;
}

static void put_bytes(const struct field *f, void *at)
{
    size_t bytes = bytes_of(f->d->name);
    uint8_t *data = arena_alloc(f->arena, bytes);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(number(f) + i * 37);
    *(ProtobufCBinaryData *)at = (ProtobufCBinaryData){bytes, data};
}

static void put_enum(const struct field *f, void *at)
{
    const ProtobufCEnumDescriptor *e = f->d->descriptor;
    *(int *)at = e->values[e->n_values - 1 - f->element % e->n_values].value;
}

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *type, uint32_t kind, struct arena *arena);

static void put_message(const struct field *f, void *at)
{
    bool change = strcmp(f->d->name, "change") == 0; /* of rights: it has one */
    *(ProtobufCMessage **)at = make(f->d->descriptor, change ? PARBUS__ACCESS_CHANGE__CHANGE_GRANT_MADE : 0, f->arena);
}

static void put_u32(const struct field *f, void *at) { *(uint32_t *)at = (uint32_t)number(f); }
static void put_i32(const struct field *f, void *at) { *(int32_t *)at = -(int32_t)number(f); }
static void put_u64(const struct field *f, void *at) { *(uint64_t *)at = number(f) << 30; }
static void put_i64(const struct field *f, void *at)
{
    bool small = is_field(f, "Rotate", "overlap_ms");
    *(int64_t *)at = small ? (int64_t)number(f) : -(int64_t)(number(f) << 30);
}
static void put_float(const struct field *f, void *at) { *(float *)at = (float)number(f) / 8; }
static void put_double(const struct field *f, void *at) { *(double *)at = (double)number(f) / 7; }
static void put_bool(const struct field *f, void *at) { *(protobuf_c_boolean *)at = number(f) != 0; }

static const struct {
    size_t bytes;
    void (*put)(const struct field *f, void *at);
} types[] = {
    [PROTOBUF_C_TYPE_INT32] = {4, put_i32},
    [PROTOBUF_C_TYPE_SINT32] = {4, put_i32},
    [PROTOBUF_C_TYPE_SFIXED32] = {4, put_i32},
    [PROTOBUF_C_TYPE_INT64] = {8, put_i64},
    [PROTOBUF_C_TYPE_SINT64] = {8, put_i64},
    [PROTOBUF_C_TYPE_SFIXED64] = {8, put_i64},
    [PROTOBUF_C_TYPE_UINT32] = {4, put_u32},
    [PROTOBUF_C_TYPE_FIXED32] = {4, put_u32},
    [PROTOBUF_C_TYPE_UINT64] = {8, put_u64},
    [PROTOBUF_C_TYPE_FIXED64] = {8, put_u64},
    [PROTOBUF_C_TYPE_FLOAT] = {4, put_float},
    [PROTOBUF_C_TYPE_DOUBLE] = {8, put_double},
    [PROTOBUF_C_TYPE_BOOL] = {sizeof(protobuf_c_boolean), put_bool},
    [PROTOBUF_C_TYPE_ENUM] = {sizeof(int), put_enum},
    [PROTOBUF_C_TYPE_STRING] = {sizeof(char *), put_text},
    [PROTOBUF_C_TYPE_BYTES] = {sizeof(ProtobufCBinaryData), put_bytes},
    [PROTOBUF_C_TYPE_MESSAGE] = {sizeof(ProtobufCMessage *), put_message},
};

static void put_elements(struct field *f, char *message)
{
    size_t bytes = types[f->d->type].bytes;
    char *array = arena_alloc(f->arena, ELEMENTS * bytes);
    for (f->element = 0; f->element < ELEMENTS; f->element++)
        types[f->d->type].put(f, array + f->element * bytes);
    *(void **)(message + f->d->offset) = array;
    *(size_t *)(message + f->d->quantifier_offset) = ELEMENTS;
}

static void put_one(struct field *f, char *message, uint32_t kind)
{
    if (f->d->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (f->d->id != kind)
            return;
        *(uint32_t *)(message + f->d->quantifier_offset) = kind;
    } else if (f->d->quantifier_offset) {
        *(protobuf_c_boolean *)(message + f->d->quantifier_offset) = 1;
    }
    types[f->d->type].put(f, message + f->d->offset);
}

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *type, uint32_t kind, struct arena *arena)
{
    ProtobufCMessage *message = arena_alloc(arena, type->sizeof_message);
    type->message_init(message);
    for (unsigned i = 0; i < type->n_fields; i++) {
        struct field f = {type, &type->fields[i], 0, arena};
        if (f.d->label == PROTOBUF_C_LABEL_REPEATED)
            put_elements(&f, (char *)message);
        else
            put_one(&f, (char *)message, kind);
    }
    return message;
}

ProtobufCMessage *golden_sample(const ProtobufCMessageDescriptor *envelope, uint32_t kind, struct arena *arena)
{
    return make(envelope, kind, arena);
}

const ProtobufCMessage *golden_body(const ProtobufCMessage *envelope, const ProtobufCFieldDescriptor *kind)
{
    return *(ProtobufCMessage *const *)((const char *)envelope + kind->offset);
}

void golden_each(void (*fn)(void *ctx, const struct golden_channel *channel, const ProtobufCFieldDescriptor *kind),
                 void *ctx)
{
    for (unsigned c = 0; c < golden_channel_count; c++) {
        const ProtobufCMessageDescriptor *envelope = golden_channels[c].envelope;
        for (unsigned i = 0; i < envelope->n_fields; i++)
            if (envelope->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
                fn(ctx, &golden_channels[c], &envelope->fields[i]);
    }
}
