/* The five bytes by which libzmq names a connection of a ROUTER, as a number that is never 0. Private to link. */
#pragma once
#include <stdint.h>

enum { PEER_BYTES = 5 };

static inline uint64_t peer_number(const uint8_t identity[static PEER_BYTES])
{
    uint64_t number = 1;
    for (int i = 0; i < PEER_BYTES; i++)
        number = number << 8 | identity[i];
    return number;
}

static inline void peer_identity(uint64_t number, uint8_t identity[static PEER_BYTES])
{
    for (int i = PEER_BYTES - 1; i >= 0; i--, number >>= 8)
        identity[i] = (uint8_t)number;
}
