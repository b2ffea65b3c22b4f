/* Fixed-width integers in byte order, and the one hash that decides where things live. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Big-endian: LMDB keys sort like the numbers in them. */
static inline void put_be16(void *p, uint16_t v) { v = __builtin_bswap16(v), memcpy(p, &v, 2); }
static inline void put_be32(void *p, uint32_t v) { v = __builtin_bswap32(v), memcpy(p, &v, 4); }
static inline void put_be64(void *p, uint64_t v) { v = __builtin_bswap64(v), memcpy(p, &v, 8); }
static inline uint16_t get_be16(const void *p)
{
    uint16_t v;
    return memcpy(&v, p, 2), __builtin_bswap16(v);
}
static inline uint32_t get_be32(const void *p)
{
    uint32_t v;
    return memcpy(&v, p, 4), __builtin_bswap32(v);
}
static inline uint64_t get_be64(const void *p)
{
    uint64_t v;
    return memcpy(&v, p, 8), __builtin_bswap64(v);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values in the journal and in state are little-endian");

/* Mixes all bits (the finaliser of MurmurHash3 by A. Appleby, public domain). */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 33, x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33, x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

/* FNV-1a (public domain, G. Fowler, L. C. Noll, P. Vo), then mixed. Stable for ever: partitions depend on it. */
static inline uint64_t hash_bytes(const void *data, size_t bytes)
{
    uint64_t h = 0xcbf29ce484222325ull;
    for (const uint8_t *p = data, *end = p + bytes; p < end; p++)
        h = (h ^ *p) * 0x100000001b3ull;
    return hash_mix(h);
}
