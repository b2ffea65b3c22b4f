#include "catalog/fold.h"
#include <string.h>
#include <utf8proc.h>

enum { CODEPOINTS_MAX = 1024, TEXT_BYTES_MAX = 512 };

/* Letters with a stroke have no decomposition in Unicode; eth is what old keyboards gave for Đ. */
static utf8proc_int32_t without_stroke(utf8proc_int32_t c) { return c == 0x0111 || c == 0x00f0 ? 'd' : c; }

static int separates(utf8proc_int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           (category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_ZP);
}

static size_t write_words(const utf8proc_int32_t *c, size_t count, enum fold_level level, char *out)
{
    size_t n = 0;
    int blank_due = 0;
    for (size_t i = 0; i < count; i++) {
        if (separates(c[i])) {
            blank_due = n > 0;
            continue;
        }
        if (n + 6 > FOLD_BYTES_MAX)
            return 0;
        if (blank_due)
            out[n++] = ' ';
        blank_due = 0;
        n += (size_t)utf8proc_encode_char(level == FOLD_MARKS ? without_stroke(c[i]) : c[i],
                                          (utf8proc_uint8_t *)out + n);
    }
    return n;
}

size_t fold_text(const char *text, enum fold_level level, char out[static FOLD_BYTES_MAX])
{
    int options = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    if (level == FOLD_MARKS)
        options |= UTF8PROC_STRIPMARK;
    utf8proc_int32_t c[CODEPOINTS_MAX];
    size_t bytes = strnlen(text, TEXT_BYTES_MAX + 1), n = 0;
    if (bytes <= TEXT_BYTES_MAX) {
        utf8proc_ssize_t count = utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes, c,
                                                    CODEPOINTS_MAX, (utf8proc_option_t)options);
        if (count > 0 && count <= CODEPOINTS_MAX)
            n = write_words(c, (size_t)count, level, out);
    }
    out[n] = '\0';
    return n;
}

/* Myers' bit-parallel algorithm: one column of the distance matrix is two words of differences. */
unsigned fold_distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    if (a_bytes > 64)
        a_bytes = 64;
    if (!a_bytes)
        return (unsigned)b_bytes;
    uint64_t where[256] = {0}, plus = ~0ull, minus = 0, last = 1ull << (a_bytes - 1);
    for (size_t i = 0; i < a_bytes; i++)
        where[(unsigned char)a[i]] |= 1ull << i;
    unsigned distance = (unsigned)a_bytes;
    for (size_t j = 0; j < b_bytes; j++) {
        uint64_t equal = where[(unsigned char)b[j]], vertical = equal | minus;
        uint64_t horizontal = (((equal & plus) + plus) ^ plus) | equal;
        uint64_t up = minus | ~(horizontal | plus), down = plus & horizontal;
        distance += (up & last) != 0;
        distance -= (down & last) != 0;
        up = up << 1 | 1, down <<= 1;
        plus = down | ~(vertical | up), minus = up & vertical;
    }
    return distance;
}

uint64_t fold_signature(const char *text, size_t bytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes; i++)
        bits |= 1ull << (text[i] & 63);
    return bits;
}
