#include "base/crc32c.h"
#include <string.h>

/* One instruction waits for the one before; three lanes side by side keep the unit busy. */
enum { SLICES = 8, LANE_BYTES = 256, LANES = 3 };
static const uint32_t polynomial = 0x82f63b78; /* reflected */

static uint32_t slice[SLICES][256];
static uint32_t over_lane[4][256]; /* what a sum becomes over LANE_BYTES zero bytes, by each of its bytes */

typedef uint32_t crc_fn(uint32_t crc, const uint8_t *at, size_t bytes);
static crc_fn *instruction;

static uint64_t load64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint32_t by_byte(uint32_t crc, const uint8_t *at, size_t bytes)
{
    for (; bytes; bytes--)
        crc = slice[0][(crc ^ *at++) & 255] ^ crc >> 8;
    return crc;
}

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t bytes)
{
    for (; bytes >= 8; bytes -= 8, at += 8) {
        uint64_t v = load64(at) ^ crc;
        crc = 0;
        for (int i = 0; i < SLICES; i++)
            crc ^= slice[SLICES - 1 - i][v >> 8 * i & 255];
    }
    return by_byte(crc, at, bytes);
}

#if defined(__x86_64__)
#include <nmmintrin.h>
#define WITH_CRC __attribute__((target("sse4.2")))
#define CRC_8(crc, v) ((uint32_t)_mm_crc32_u64(crc, v))
#define CRC_1(crc, v) _mm_crc32_u8(crc, v)
static bool has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define WITH_CRC __attribute__((target("+crc")))
#define CRC_8(crc, v) __crc32cd(crc, v)
#define CRC_1(crc, v) __crc32cb(crc, v)
static bool has_instruction(void) { return getauxval(AT_HWCAP) & HWCAP_CRC32; }
#else
static bool has_instruction(void) { return false; }
#endif

#if defined(WITH_CRC)
static uint32_t skip_lane(uint32_t crc)
{
    return over_lane[0][crc & 255] ^ over_lane[1][crc >> 8 & 255] ^ over_lane[2][crc >> 16 & 255] ^
           over_lane[3][crc >> 24];
}

WITH_CRC static uint32_t three_lanes(uint32_t crc, const uint8_t *at)
{
    uint32_t b = 0, c = 0;
    for (size_t i = 0; i < LANE_BYTES; i += 8) {
        crc = CRC_8(crc, load64(at + i));
        b = CRC_8(b, load64(at + LANE_BYTES + i));
        c = CRC_8(c, load64(at + 2 * LANE_BYTES + i));
    }
    return skip_lane(skip_lane(crc) ^ b) ^ c;
}

WITH_CRC static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t bytes)
{
    for (; bytes >= LANES * LANE_BYTES; bytes -= LANES * LANE_BYTES, at += LANES * LANE_BYTES)
        crc = three_lanes(crc, at);
    for (; bytes >= 8; bytes -= 8, at += 8)
        crc = CRC_8(crc, load64(at));
    for (; bytes; bytes--)
        crc = CRC_1(crc, *at++);
    return crc;
}
#else
#define by_instruction by_table
#endif

static void make_slices(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (polynomial & -(crc & 1));
        slice[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int s = 1; s < SLICES; s++)
            slice[s][i] = slice[s - 1][i] >> 8 ^ slice[0][slice[s - 1][i] & 255];
}

static void make_lane(void)
{
    static const uint8_t zero[LANE_BYTES];
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t i = 0; i < 256; i++)
            over_lane[byte][i] = by_table(i << 8 * byte, zero, sizeof zero);
}

/* When the program is loaded, before there can be a second thread. */
__attribute__((constructor)) static void make_ready(void)
{
    make_slices();
    make_lane();
    instruction = has_instruction() ? by_instruction : NULL;
}

bool crc32c_has(enum crc32c_way way) { return way == CRC32C_TABLE || instruction; }

uint32_t crc32c_by(enum crc32c_way way, uint32_t crc, const void *data, size_t bytes)
{
    return ~(way == CRC32C_TABLE ? by_table : instruction)(~crc, data, bytes);
}

uint32_t crc32c(uint32_t crc, const void *data, size_t bytes)
{
    return ~(instruction ? instruction : by_table)(~crc, data, bytes);
}
