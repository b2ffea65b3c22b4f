#include "services/parbus/print.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

void print_csv(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
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

int print_width(const char *text)
{
    int width = 0;
    size_t left = strlen(text);
    while (left) {
        utf8proc_int32_t letter;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)left, &letter);
        if (n <= 0) /* not UTF-8: a terminal shows one sign for the byte */
            n = 1, letter = '?';
        width += utf8proc_charwidth(letter);
        text += n;
        left -= (size_t)n;
    }
    return width;
}

void print_padded(FILE *out, const char *text, int width)
{
    int blanks = abs(width) - print_width(text);
    blanks = blanks > 0 ? blanks : 0;
    if (width < 0)
        fprintf(out, "%*s%s", blanks, "", text);
    else
        fprintf(out, "%s%*s", text, blanks, "");
}
