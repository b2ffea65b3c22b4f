/* The digest of a feeder's submissions, which door and feeder keep each for itself and compare (rule D17): it is the
 * same on both sides as long as nobody else has submitted in this feeder's numbering. Found by it is who shares a name
 * by mistake, not who means to deceive. Pure. */
#pragma once
#include "base/bytes.h"
#include "base/crc32c.h"

/* Continues the digest of all submissions before (0: none) with the next one, as its bytes go over the wire. */
static inline uint64_t wire_digest(uint64_t before, const void *submission, size_t bytes)
{
    return hash_mix(before ^ crc32c(0, submission, bytes) ^ (uint64_t)bytes << 32);
}
