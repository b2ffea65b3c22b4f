/* What must hold of a message's bytes before they are decoded, driven by the message's descriptor: field lengths,
 * well-formed text without NUL (the decoder would cut it off there), known enum values, wire types. Private to
 * common/wire. */
#pragma once
#include "base/err.h"
#include <protobuf-c/protobuf-c.h>

enum {
    WIRE_TEXT_BYTES_MAX = 4096, /* a text for which rule W3c names no length */
};

/* `name` is how sentences call the message: "submission.unit: 300 bytes, at most 256". ERR_INVALID, ERR_TOO_LARGE. */
enum err wire_scan(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *data, size_t bytes,
                   struct err_text *e);

/* Reads a varint of at most 10 bytes and moves *at behind it. */
bool wire_varint_long(const uint8_t **at, const uint8_t *end, uint64_t *value);
static inline bool wire_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    if (*at == end || **at >= 0x80)
        return wire_varint_long(at, end, value);
    *value = *(*at)++;
    return true;
}
/* Reads the length of what follows, at most 5 bytes of varint like the general decoder, and checks that so much
 * follows. */
static inline bool wire_length(const uint8_t **at, const uint8_t *end, size_t *bytes)
{
    const uint8_t *start = *at;
    uint64_t value;
    if (!wire_varint(at, end, &value) || *at - start > 5 || value > (size_t)(end - *at))
        return false;
    *bytes = (size_t)value;
    return true;
}
