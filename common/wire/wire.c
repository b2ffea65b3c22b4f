#include "wire/wire.h"
#include "base/plural.h"
#include "wire/check.h"
#include "wire/decode.h"
#include "wire/scan.h"
#include "wire/varint.h"
#include <string.h>

/* A channel is its envelope's descriptor: the oneof's fields are the kinds, their names and their types. */
struct wire_channel {
    const ProtobufCMessageDescriptor *envelope;
};

const struct wire_channel wire_to_ingestor = {&parbus__to_ingestor__descriptor};
const struct wire_channel wire_to_feeder = {&parbus__to_feeder__descriptor};
const struct wire_channel wire_to_coordinator = {&parbus__to_coordinator__descriptor};
const struct wire_channel wire_to_worker = {&parbus__to_worker__descriptor};
const struct wire_channel wire_to_scorer = {&parbus__to_scorer__descriptor};
const struct wire_channel wire_to_publisher = {&parbus__to_publisher__descriptor};
const struct wire_channel wire_feed_event = {&parbus__feed_event__descriptor};
const struct wire_channel wire_to_snapshots = {&parbus__to_snapshots__descriptor};
const struct wire_channel wire_from_snapshots = {&parbus__from_snapshots__descriptor};

/* The decoder's allocator: one message may take so many times its own size, and not more than the arena has. The
 * densest message that anybody has reason to send takes 16 times its size; a message of nothing but empty parts would
 * take 60, and is only let through when it is small: a submission of 16384 pieces of evidence that say nothing. */
enum { DECODED_BYTES_PER_BYTE = 24, DECODED_BYTES_LEAST = 4 << 20 };

struct budget {
    struct arena *arena;
    size_t left;
    bool exhausted;
};

static void *budget_alloc(void *data, size_t bytes)
{
    struct budget *b = data;
    void *p = bytes <= b->left ? arena_alloc(b->arena, bytes) : NULL;
    if (p)
        b->left -= bytes;
    else
        b->exhausted = true;
    return p;
}

static void budget_free(void *data, void *p) { (void)data, (void)p; }

/* A text that was left out is "", its default in proto2, so that nobody behind the boundary meets NULL. */
static void fill_absent_text(ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned k = 0; k < type->n_fields; k++) {
        const ProtobufCFieldDescriptor *f = &type->fields[k];
        char *member = (char *)message + f->offset;
        if (f->type == PROTOBUF_C_TYPE_STRING && f->label != PROTOBUF_C_LABEL_REPEATED) {
            if (!*(char **)member)
                *(char **)member = (char *)"";
        } else if (f->type == PROTOBUF_C_TYPE_MESSAGE && f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t count = *(const size_t *)((const char *)message + f->quantifier_offset);
            for (size_t i = 0; i < count; i++)
                fill_absent_text((*(ProtobufCMessage ***)member)[i]);
        }
    }
}

/* The rules that need only the bytes. */
static enum err check_bytes(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *body, size_t bytes,
                            struct err_text *e)
{
    if (type == &parbus__submission__descriptor && bytes > WIRE_SUBMISSION_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: %zu bytes, at most %d", name, bytes, WIRE_SUBMISSION_BYTES_MAX);
    return wire_scan(type, name, body, bytes, e);
}

static enum err unpack(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *body, size_t bytes,
                       struct arena *arena, const ProtobufCMessage **out, struct err_text *e)
{
    size_t limit = DECODED_BYTES_LEAST + bytes * DECODED_BYTES_PER_BYTE;
    struct budget budget = {arena, limit, false};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes, body);
    if (!message && budget.exhausted)
        return err_set(e, ERR_NOMEM, "%s: its %zu bytes take more than %zu when decoded", name, bytes, limit);
    if (!message)
        return err_set(e, ERR_INVALID, "%s: cannot be decoded", name);
    fill_absent_text(message);
    *out = message;
    return OK;
}

/* Unpacks even what has broken a rule already: the answer needs its seq. */
static enum err open_body(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *body, size_t bytes,
                          struct arena *arena, const ProtobufCMessage **out, struct err_text *e)
{
    enum err broken = check_bytes(type, name, body, bytes, e);
    enum err err = unpack(type, name, body, bytes, arena, out, broken ? NULL : e);
    if (broken || err)
        return broken ? broken : err;
    return wire_check(*out, e);
}

static enum err open_submission(const uint8_t *body, size_t bytes, struct arena *arena, const ProtobufCMessage **out,
                                struct err_text *e)
{
    Parbus__Submission *s = bytes <= WIRE_SUBMISSION_BYTES_MAX ? wire_decode_submission(body, bytes, arena) : NULL;
    if (!s)
        return open_body(&parbus__submission__descriptor, "submission", body, bytes, arena, out, e);
    *out = &s->base;
    return wire_check(*out, e);
}

/* Rule W2: one length-delimited field, and its length is the rest of the message. */
static enum err open_envelope(const struct wire_channel *channel, const void *data, size_t bytes,
                              const ProtobufCFieldDescriptor **kind, struct wire_message *out, struct err_text *e)
{
    const char *name = channel->envelope->short_name;
    if (bytes > WIRE_MESSAGE_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: %zu bytes, at most %d", name, bytes, WIRE_MESSAGE_BYTES_MAX);
    const uint8_t *at = data, *end = bytes ? at + bytes : at;
    uint64_t tag, length;
    if (!wire_varint(&at, end, &tag) || tag >> 32 || (tag & 7) != 2 || !wire_varint(&at, end, &length))
        return err_set(e, ERR_INVALID, "%s: the envelope cannot be read", name);
    if (length != (size_t)(end - at))
        return err_set(e, ERR_INVALID, "%s: the envelope holds %zu %s, its field says %llu", name, (size_t)(end - at),
                       plural((size_t)(end - at), "byte", "bytes"), (unsigned long long)length);
    *kind = protobuf_c_message_descriptor_get_field(channel->envelope, (unsigned)(tag >> 3));
    if (!*kind)
        return err_set(e, ERR_INVALID, "%s: unknown kind of message %llu", name, (unsigned long long)(tag >> 3));
    out->kind = (*kind)->id;
    out->body = at;
    out->body_bytes = (size_t)length;
    return OK;
}

static enum err open_message(const struct wire_channel *channel, const void *data, size_t bytes, struct arena *arena,
                             struct wire_message *out, struct err_text *e)
{
    const ProtobufCFieldDescriptor *kind = NULL;
    enum err err = open_envelope(channel, data, bytes, &kind, out, e);
    if (err)
        return err;
    ASSERT(kind);
    if (kind->descriptor == &parbus__submission__descriptor)
        return open_submission(out->body, out->body_bytes, arena, &out->message, e);
    return open_body(kind->descriptor, kind->name, out->body, out->body_bytes, arena, &out->message, e);
}

enum err wire_open(const struct wire_channel *channel, const void *data, size_t bytes, struct arena *arena,
                   struct wire_message *out, struct err_text *e)
{
    *out = (struct wire_message){0};
    out->err = open_message(channel, data, bytes, arena, out, e);
    out->why = !out->err ? "" : e ? e->text : err_name(out->err);
    return out->err;
}

enum err wire_open_submission(const uint8_t *body, size_t bytes, struct arena *arena, const Parbus__Submission **out,
                              struct err_text *e)
{
    const ProtobufCMessage *message = NULL;
    enum err err = open_submission(body, bytes, arena, &message, e);
    *out = (const Parbus__Submission *)message;
    return err;
}

void wire_pack_plan(struct wire_packing *p, uint32_t kind, const ProtobufCMessage *message)
{
    size_t body_bytes = protobuf_c_message_get_packed_size(message);
    const uint8_t *end = wire_varint_put(wire_varint_put(p->head, (uint64_t)kind << 3 | 2), body_bytes);
    p->head_bytes = (size_t)(end - p->head);
    p->bytes = p->head_bytes + body_bytes;
}

void wire_pack_write(const struct wire_packing *p, const ProtobufCMessage *message, uint8_t *out)
{
    memcpy(out, p->head, p->head_bytes);
    size_t packed = protobuf_c_message_pack(message, out + p->head_bytes);
    ASSERT(p->head_bytes + packed == p->bytes);
}

void wire_pack(struct buffer *out, uint32_t kind, const ProtobufCMessage *message)
{
    struct wire_packing p;
    wire_pack_plan(&p, kind, message);
    wire_pack_write(&p, message, buffer_grow(out, p.bytes));
}
