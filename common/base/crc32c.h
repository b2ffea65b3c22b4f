/* CRC32C (Castagnoli): finds what a disk, a cable or a bit of memory changed; it protects against nobody who means to
 * change something. Uses the processor's instruction where there is one (SSE4.2, ARMv8 CRC), else a table; which of the
 * two is found out at the first call. Pure; any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Continues the sum `crc` of what came before (0: nothing) with these bytes: crc32c(crc32c(0, a), b) is the sum of a
 * followed by b. */
uint32_t crc32c(uint32_t crc, const void *data, size_t bytes);

/* The ways to compute it, for tests: all give the same. */
enum crc32c_way { CRC32C_TABLE, CRC32C_INSTRUCTION };
bool crc32c_has(enum crc32c_way way);
uint32_t crc32c_by(enum crc32c_way way, uint32_t crc, const void *data, size_t bytes);
