#include "base/settings.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

struct setting {
    const char *name;
    size_t offset;
    int64_t fallback, least, most;
    const char *text;
};

static const struct setting table[] = {
#define X(name, fallback, least, most, text) {#name, offsetof(struct settings, name), fallback, least, most, text},
    SETTINGS_TABLE(X)
#undef X
};
enum { SETTING_COUNT = sizeof table / sizeof *table, LINE_BYTES = 512 };

static int64_t *place(struct settings *s, const struct setting *setting)
{
    return (int64_t *)((char *)s + setting->offset);
}

void settings_defaults(struct settings *s)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        *place(s, &table[i]) = table[i].fallback;
}

static const struct setting *find(const char *name, size_t bytes)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (strlen(table[i].name) == bytes && memcmp(table[i].name, name, bytes) == 0)
            return &table[i];
    return NULL;
}

static int suffix_shift(char suffix)
{
    static const char letters[] = "kMG";
    const char *at = suffix ? strchr(letters, suffix) : NULL;
    return at ? 10 * (int)(at - letters + 1) : 0;
}

/* Decimal digits and at most one suffix; false: something else, or beyond int64. */
static bool parse_number(const char *text, size_t bytes, int64_t *value)
{
    int shift = bytes > 1 ? suffix_shift(text[bytes - 1]) : 0;
    size_t digits = bytes - (shift != 0);
    bool negative = digits > 1 && text[0] == '-';
    *value = 0;
    if (digits == 0)
        return false;
    for (size_t i = negative; i < digits; i++)
        if (!isdigit((unsigned char)text[i]) || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, text[i] - '0', value))
            return false;
    return !__builtin_mul_overflow(*value, (negative ? -1 : 1) * ((int64_t)1 << shift), value);
}

/* The text between blanks. */
struct piece {
    const char *at;
    size_t bytes;
};

static struct piece trimmed(const char *at, size_t bytes)
{
    while (bytes && isspace((unsigned char)*at))
        at++, bytes--;
    while (bytes && isspace((unsigned char)at[bytes - 1]))
        bytes--;
    return (struct piece){at, bytes};
}

static enum err assign(struct settings *s, struct piece name, struct piece value, struct err_text *e)
{
    const struct setting *setting = find(name.at, name.bytes);
    int64_t number;
    if (!setting)
        return err_set(e, ERR_NOT_FOUND, "no setting is called \"%.*s\"; --help lists them", (int)name.bytes, name.at);
    if (!parse_number(value.at, value.bytes, &number))
        return err_set(e, ERR_INVALID, "%s: \"%.*s\" is not a whole number (with k, M or G at most)", setting->name,
                       (int)value.bytes, value.at);
    if (number < setting->least || number > setting->most)
        return err_set(e, ERR_INVALID, "%s: %" PRId64 " is outside %" PRId64 " .. %" PRId64, setting->name, number,
                       setting->least, setting->most);
    *place(s, setting) = number;
    return OK;
}

enum err settings_set(struct settings *s, const char *assignment, struct err_text *e)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return err_set(e, ERR_INVALID, "\"%.100s\": expected name=value", assignment);
    return assign(s, trimmed(assignment, (size_t)(equals - assignment)), trimmed(equals + 1, strlen(equals + 1)), e);
}

static enum err read_line(struct settings *s, char *line, struct err_text *e)
{
    if (strlen(line) == LINE_BYTES - 1 && line[LINE_BYTES - 2] != '\n')
        return err_set(e, ERR_INVALID, "longer than %d bytes", LINE_BYTES - 2);
    line[strcspn(line, "#")] = 0;
    if (trimmed(line, strlen(line)).bytes == 0)
        return OK;
    return settings_set(s, line, e);
}

enum err settings_read(struct settings *s, const char *file, struct err_text *e)
{
    FILE *in = fopen(file, "re");
    if (!in)
        return errno == ENOENT ? OK : err_set(e, ERR_IO, "%s: %s", file, strerror(errno));
    enum err err = OK;
    char line[LINE_BYTES];
    for (int number = 1; !err && fgets(line, sizeof line, in); number++)
        err = err_wrap(e, read_line(s, line, e), "%s:%d", file, number);
    if (!err && ferror(in))
        err = err_set(e, ERR_IO, "%s: %s", file, strerror(errno));
    fclose(in);
    return err;
}

enum err settings_of(struct settings *s, const char *directory, struct err_text *e)
{
    char file[PATH_MAX];
    settings_defaults(s);
    if (snprintf(file, sizeof file, "%s/parbus.conf", directory) >= (int)sizeof file)
        return err_set(e, ERR_INVALID, "%.100s…: the path is too long", directory);
    return settings_read(s, file, e);
}

void settings_print(FILE *out)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        fprintf(out, "  %-24s %12" PRId64 "  %" PRId64 " .. %" PRId64 "  %s\n", table[i].name, table[i].fallback,
                table[i].least, table[i].most, table[i].text);
}
