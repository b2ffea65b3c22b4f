#include "services/parbus/print/print.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { UTF8_BYTES_MAX = 4 };

static bool is_number(const char *text)
{
    char *end;
    if (strcmp(text, "-inf") == 0 || strcmp(text, "-nan") == 0)
        return true;
    if (text[strspn(text, "0123456789+-.eE")]) /* strtod knows more than decimals */
        return false;
    strtod(text, &end);
    return end != text && !*end;
}

/* A spreadsheet takes a text for a formula by its first character, also a wide one; some skip blanks before it. */
static bool is_formula(const char *text)
{
    static const char *const first[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
    text += strspn(text, " ");
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (strncmp(text, first[i], strlen(first[i])) == 0)
            return !is_number(text);
    return false;
}

void print_csv(FILE *out, const char *text)
{
    const char *mark = is_formula(text) ? "'" : "";
    if (!strpbrk(text, ",\"\r\n\t")) {
        fprintf(out, "%s%s", mark, text);
        return;
    }
    fprintf(out, "\"%s", mark);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void print_json(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static bool is_control(utf8proc_int32_t letter) { return letter < 0x20 || (letter >= 0x7f && letter < 0xa0); }

/* The next character of a text that is not at its end. What is not UTF-8 counts as a control character, because nobody
 * knows what a terminal makes of it. */
static const char *next_letter(const char *text, utf8proc_int32_t *letter)
{
    size_t bytes = strnlen(text, UTF8_BYTES_MAX);
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes, letter);
    if (n > 0)
        return text + n;
    *letter = 0;
    return text + 1;
}

void print_plain(FILE *out, const char *text)
{
    while (*text) {
        utf8proc_int32_t letter;
        const char *next = next_letter(text, &letter);
        if (is_control(letter))
            fputc('?', out);
        else
            fwrite(text, 1, (size_t)(next - text), out);
        text = next;
    }
}

int print_width(const char *text)
{
    int width = 0;
    while (*text) {
        utf8proc_int32_t letter;
        text = next_letter(text, &letter);
        width += is_control(letter) ? 1 : utf8proc_charwidth(letter);
    }
    return width;
}

void print_padded(FILE *out, const char *text, int width)
{
    int blanks = abs(width) - print_width(text);
    blanks = blanks > 0 ? blanks : 0;
    if (width < 0)
        fprintf(out, "%*s", blanks, "");
    print_plain(out, text);
    if (width >= 0)
        fprintf(out, "%*s", blanks, "");
}
