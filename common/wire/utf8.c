#include "wire/wire.h"
#include <string.h>

/* Eight bytes at once: no byte is 0 and none is 0x80 or more. */
static bool plain(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return (((word - 0x0101010101010101ull) | word) & 0x8080808080808080ull) == 0;
}

/* How a sequence goes on after its first byte (RFC 3629, chapter 4): the second byte's range shuts out overlong forms,
 * surrogates and what lies beyond U+10FFFF. */
struct lead {
    uint8_t first, last;
    unsigned following;
    uint8_t second_least, second_most;
};

static const struct lead *lead_of(uint8_t byte)
{
    static const struct lead leads[] = {
        {0x01, 0x7f, 0, 0x80, 0xbf}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf},
        {0xee, 0xef, 2, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f},
        {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
    };
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

/* Bytes of the character at p; 0: not well-formed, or NUL. */
static size_t character(const uint8_t *p, size_t left)
{
    const struct lead *lead = lead_of(*p);
    if (!lead || left <= lead->following)
        return 0;
    if (lead->following && (p[1] < lead->second_least || p[1] > lead->second_most))
        return 0;
    for (size_t i = 2; i <= lead->following; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return lead->following + 1;
}

bool wire_utf8_ok(const char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        if (bytes - at >= sizeof(uint64_t) && plain(text + at)) {
            at += sizeof(uint64_t);
            continue;
        }
        uint8_t byte = (uint8_t)text[at];
        if (byte && byte < 0x80) {
            at++;
            continue;
        }
        size_t n = character((const uint8_t *)text + at, bytes - at);
        if (!n)
            return false;
        at += n;
    }
    return true;
}

void wire_utf8_mend(char *text)
{
    const char *end = text + strlen(text);
    while (text < end) {
        size_t n = character((const uint8_t *)text, (size_t)(end - text));
        if (!n)
            *text = '?';
        text += n ? n : 1;
    }
}

static bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool wire_name_ok(const char *name)
{
    size_t bytes = 0;
    if (name[0] == '.')
        return false;
    while (bytes <= WIRE_NAME_BYTES_MAX && name_character(name[bytes]))
        bytes++;
    return bytes >= 1 && bytes <= WIRE_NAME_BYTES_MAX && name[bytes] == 0;
}
