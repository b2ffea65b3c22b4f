#include "services/publisher/pack.h"
#include "wire/varint.h"

enum { VARINT = 0, LENGTH_DELIMITED = 2, REQUEST_FIELD = 1 };

static void append_varint(struct buffer *out, uint64_t value)
{
    uint8_t bytes[WIRE_VARINT_BYTES_MAX];
    buffer_append(out, bytes, (size_t)(wire_varint_put(bytes, value) - bytes));
}

void pack_field(struct buffer *out, uint32_t field, const void *content, size_t bytes)
{
    append_varint(out, (uint64_t)field << 3 | LENGTH_DELIMITED);
    append_varint(out, bytes);
    buffer_append(out, content, bytes);
}

void pack_answer(struct buffer *out, uint32_t kind, uint64_t request, const void *rest, size_t bytes)
{
    uint8_t head[1 + WIRE_VARINT_BYTES_MAX] = {REQUEST_FIELD << 3 | VARINT};
    size_t head_bytes = (size_t)(wire_varint_put(head + 1, request) - head);
    append_varint(out, (uint64_t)kind << 3 | LENGTH_DELIMITED);
    append_varint(out, head_bytes + bytes);
    buffer_append(out, head, head_bytes);
    buffer_append(out, rest, bytes);
}
