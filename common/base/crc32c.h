/* CRC32C (Castagnoli): finds what a disk, a cable or a bit of memory changed; no protection against a person. By the
 * processor's instruction where it has one (SSE4.2, ARMv8 CRC), else by a table; which, is found out once. Pure; any
 * thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the bytes that follow those of which `crc` is the sum; 0 to begin with. So
 * crc32c(crc32c(0, a), b) is the sum of a and b one after the other. */
uint32_t crc32c(uint32_t crc, const void *data, size_t bytes);

/* The ways to compute it, for tests: all give the same. */
enum crc32c_way { CRC32C_TABLE, CRC32C_INSTRUCTION };
bool crc32c_has(enum crc32c_way way);
uint32_t crc32c_by(enum crc32c_way way, uint32_t crc, const void *data, size_t bytes);
