#include "base/fields.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct line {
    char *text;
    size_t length, room;
};

static void put(struct line *l, char c)
{
    if (l->length < l->room - 1)
        l->text[l->length++] = c;
}

static void put_text(struct line *l, const char *text)
{
    while (*text)
        put(l, *text++);
}

/* A value must not end its quotes, or the line: a name from outside could pretend to be another field or another event.
 */
static void put_value(struct line *l, const char *text, int most)
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; (most < 0 || i < most) && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            put(l, '\\');
            put(l, (char)c);
        } else if (c == '\n') {
            put_text(l, "\\n");
        } else if (c < ' ' || c == 0x7f) {
            put_text(l, "\\x");
            put(l, hex[c >> 4]);
            put(l, hex[c & 15]);
        } else {
            put(l, (char)c);
        }
    }
}

enum { SPEC_BYTES = 32, SIZE_INT = 0, SIZE_LONG, SIZE_LONG_LONG, SIZE_SIZE };

/* One conversion of a format: "%-5.*s". */
struct spec {
    char text[SPEC_BYTES];
    int precision, size; /* -1: none */
    char conversion;
};

/* Returns what follows it. A `*` is replaced by its argument. */
static const char *read_spec(struct spec *s, const char *at, va_list *args)
{
    size_t n = 0;
    *s = (struct spec){.precision = -1};
    s->text[n++] = *at++;
    for (bool after_point = false; *at && strchr("-+ #0123456789.*", *at) && n < SPEC_BYTES - 16; at++) {
        if (*at != '*') {
            after_point |= *at == '.';
            s->text[n++] = *at;
            continue;
        }
        int value = va_arg(*args, int);
        if (after_point)
            s->precision = value;
        n += (size_t)snprintf(s->text + n, SPEC_BYTES - n, "%d", value);
    }
    for (; *at && strchr("lz", *at) && n < SPEC_BYTES - 2; at++) {
        s->size = *at == 'z' ? SIZE_SIZE : s->size + 1;
        s->text[n++] = *at;
    }
    s->conversion = *at;
    s->text[n++] = *at;
    s->text[n] = 0;
    return *at ? at + 1 : at;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* a piece of a literal that the compiler has checked */
static void put_number(struct line *l, const struct spec *s, va_list *args)
{
    char text[64] = "";
    if (strchr("feg", s->conversion))
        snprintf(text, sizeof text, s->text, va_arg(*args, double));
    else if (s->size == SIZE_INT)
        snprintf(text, sizeof text, s->text, va_arg(*args, int));
    else if (s->size == SIZE_LONG)
        snprintf(text, sizeof text, s->text, va_arg(*args, long));
    else if (s->size == SIZE_LONG_LONG)
        snprintf(text, sizeof text, s->text, va_arg(*args, long long));
    else
        snprintf(text, sizeof text, s->text, va_arg(*args, size_t));
    put_text(l, text);
}
#pragma GCC diagnostic pop

static void put_fields(struct line *l, const char *format, va_list *args)
{
    while (*format) {
        struct spec s;
        if (*format != '%') {
            put(l, *format++);
            continue;
        }
        format = read_spec(&s, format, args);
        if (s.conversion == '%')
            put(l, '%');
        else if (s.conversion == 's')
            put_value(l, va_arg(*args, const char *), s.precision);
        else
            put_number(l, &s, args);
    }
}

size_t fields_format(char *out, size_t room, const char *format, va_list *args)
{
    struct line l = {.text = out, .room = room};
    put_fields(&l, format, args);
    out[l.length] = 0;
    return l.length;
}
