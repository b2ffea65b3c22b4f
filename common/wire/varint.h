/* Protobuf's varints, read and written by hand: seven bits a byte, the least first. Private to what packs and opens
 * messages without the general encoder. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_VARINT_BYTES_MAX = 10 };

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

/* How many bytes it takes. */
static inline size_t wire_varint_bytes(uint64_t value)
{
    return value < 0x80 ? 1 : (size_t)(63 - __builtin_clzll(value)) / 7 + 1;
}
/* Returns where the next byte goes. */
static inline uint8_t *wire_varint_put(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}
