#include "base/crc32c.h"
#include <criterion/criterion.h>
#include <string.h>

enum { BYTES = 5000 };

static void each_way(void (*check)(enum crc32c_way way))
{
    for (enum crc32c_way way = CRC32C_TABLE; way <= CRC32C_INSTRUCTION; way++)
        if (crc32c_has(way))
            check(way);
}

static void fill(uint8_t data[static BYTES])
{
    uint32_t x = 7;
    for (size_t i = 0; i < BYTES; i++)
        data[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
}

/* RFC 3720, B.4, and the check value of the catalogue of CRCs. */
static void known_answers(enum crc32c_way way)
{
    uint8_t data[32];
    cr_expect_eq(crc32c_by(way, 0, "123456789", 9), 0xe3069283);
    cr_expect_eq(crc32c_by(way, 0, memset(data, 0, 32), 32), 0x8a9136aa);
    cr_expect_eq(crc32c_by(way, 0, memset(data, 255, 32), 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = i;
    cr_expect_eq(crc32c_by(way, 0, data, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = 31 - i;
    cr_expect_eq(crc32c_by(way, 0, data, 32), 0x113fdb5c);
    cr_expect_eq(crc32c_by(way, 0, "", 0), 0);
}

Test(crc32c, each_way_gives_the_known_answers) { each_way(known_answers); }

static void like_bit_by_bit(enum crc32c_way way)
{
    uint8_t data[BYTES];
    fill(data);
    uint32_t crc = ~0u;
    for (size_t n = 0; n < BYTES; n++) {
        cr_assert_eq(crc32c_by(way, 0, data, n), ~crc, "%zu bytes", n);
        crc ^= data[n];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78 & -(crc & 1));
    }
}

Test(crc32c, each_way_gives_the_sum_of_any_length) { each_way(like_bit_by_bit); }

static void in_pieces(enum crc32c_way way)
{
    uint8_t data[BYTES];
    fill(data);
    uint32_t whole = crc32c_by(way, 0, data, BYTES);
    for (size_t at = 0; at < BYTES; at += 13)
        cr_assert_eq(crc32c_by(way, crc32c_by(way, 0, data, at), data + at, BYTES - at), whole, "cut at %zu", at);
}

Test(crc32c, a_sum_goes_on_where_another_ended) { each_way(in_pieces); }

Test(crc32c, the_processor_s_instruction_is_used_where_there_is_one)
{
#if defined(__x86_64__)
    cr_assert_eq(crc32c_has(CRC32C_INSTRUCTION), __builtin_cpu_supports("sse4.2") != 0);
#endif
    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283);
}
