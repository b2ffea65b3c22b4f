#include "services/publisher/pack.h"

enum { VARINT = 0, LENGTH_DELIMITED = 2, VARINT_BYTES_MAX = 10, REQUEST_FIELD = 1 };

static size_t varint(uint8_t out[static VARINT_BYTES_MAX], uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (uint8_t)(value | 0x80);
    out[n++] = (uint8_t)value;
    return n;
}

static void append_varint(struct buffer *out, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    buffer_append(out, bytes, varint(bytes, value));
}

void pack_field(struct buffer *out, uint32_t field, const void *content, size_t bytes)
{
    append_varint(out, (uint64_t)field << 3 | LENGTH_DELIMITED);
    append_varint(out, bytes);
    buffer_append(out, content, bytes);
}

void pack_answer(struct buffer *out, uint32_t kind, uint64_t request, const void *rest, size_t bytes)
{
    uint8_t head[1 + VARINT_BYTES_MAX] = {REQUEST_FIELD << 3 | VARINT};
    size_t head_bytes = 1 + varint(head + 1, request);
    append_varint(out, (uint64_t)kind << 3 | LENGTH_DELIMITED);
    append_varint(out, head_bytes + bytes);
    buffer_append(out, head, head_bytes);
    buffer_append(out, rest, bytes);
}
