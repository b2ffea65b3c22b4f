#include "csv/longform_row.h"
#include "base/date.h"
#include "wire/wire.h"
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const longform_column_name[COLUMN_COUNT] = {
    [COLUMN_INDEX] = "index",
    [COLUMN_PERIOD] = "period",
    [COLUMN_UNIT] = "unit",
    [COLUMN_INDICATOR] = "indicator",
    [COLUMN_VALUE] = "value",
    [COLUMN_STAGE] = "stage",
    [COLUMN_OBSERVED_AT] = "observed_at",
    [COLUMN_EVIDENCE] = "evidence",
};

static const struct {
    const char *name;
    Parbus__Stage stage;
} stages[] = {
    {"self", PARBUS__STAGE__STAGE_SELF},
    {"appraised_1", PARBUS__STAGE__STAGE_APPRAISED_1},
    {"appraised", PARBUS__STAGE__STAGE_APPRAISED_1},
    {"appraised_2", PARBUS__STAGE__STAGE_APPRAISED_2},
    {"survey", PARBUS__STAGE__STAGE_SURVEY},
};

Parbus__Stage longform_stage(const char *name)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (strcasecmp(stages[i].name, name) == 0)
            return stages[i].stage;
    return PARBUS__STAGE__STAGE_UNKNOWN;
}

const char *longform_stage_name(Parbus__Stage stage)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (stages[i].stage == stage)
            return stages[i].name;
    return "";
}

const char *longform_shown(const char *text, char shown[static LONGFORM_SHOWN_BYTES])
{
    static const char more[] = "…";
    size_t bytes = strlen(text), n = bytes;
    if (bytes >= LONGFORM_SHOWN_BYTES)
        for (n = LONGFORM_SHOWN_BYTES - sizeof more; n && ((uint8_t)text[n] & 0xc0) == 0x80;)
            n--; /* not in the middle of a character */
    for (size_t i = 0; i < n; i++) {
        shown[i] = text[i];
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
            shown[i] = '?';
    }
    snprintf(shown + n, LONGFORM_SHOWN_BYTES - n, "%s", n < bytes ? more : "");
    return shown;
}

bool longform_number(const char *text, double *value)
{
    static locale_t c_locale;
    if (!c_locale)
        c_locale = newlocale(LC_ALL_MASK, "C", NULL);
    ASSERT(c_locale);
    char *end;
    if (text[strspn(text, "0123456789+-.eE")] || !*text) /* strtod also knows hexadecimal, infinities and blanks */
        return false;
    *value = strtod_l(text, &end, c_locale);
    return end != text && !*end && isfinite(*value);
}

/* The field, or the default where it is empty. */
static enum err text_of(const char *field, const char *fallback, const char *what, size_t bytes_max, const char **out,
                        struct err_text *e)
{
    *out = field && *field ? field : fallback;
    if (!*out || !**out)
        return err_set(e, ERR_INVALID, "%s is missing", what);
    if (strlen(*out) > bytes_max)
        return err_set(e, ERR_TOO_LARGE, "%s is longer than %zu bytes", what, bytes_max);
    return OK;
}

static enum err value_of(const char *field, double *value, struct err_text *e)
{
    char shown[LONGFORM_SHOWN_BYTES];
    if (!*field)
        return err_set(e, ERR_INVALID, "value is missing");
    if (!longform_number(field, value))
        return err_set(e, ERR_INVALID, "value \"%s\" is not a number (such as 12, -0.5 or 1.2e3)",
                       longform_shown(field, shown));
    return OK;
}

static enum err stage_of(const char *field, Parbus__Stage fallback, Parbus__Stage *stage, struct err_text *e)
{
    char shown[LONGFORM_SHOWN_BYTES];
    *stage = field && *field ? longform_stage(field) : fallback;
    if (field && *field && *stage == PARBUS__STAGE__STAGE_UNKNOWN)
        return err_set(e, ERR_INVALID, "stage \"%s\" is unknown; there are self, appraised_1, appraised_2, survey",
                       longform_shown(field, shown));
    return OK;
}

static enum err observed_of(const char *field, struct longform_row *row, struct err_text *e)
{
    char shown[LONGFORM_SHOWN_BYTES];
    row->has_observed = field && *field;
    if (row->has_observed && !date_parse_ms(field, &row->observed_ms))
        return err_set(e, ERR_INVALID, "observed_at \"%s\" is not a time such as 2025-10-15 or 2025-10-15T01:46:24Z",
                       longform_shown(field, shown));
    return OK;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static bool hex_bytes(const char *text, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * bytes] == 0;
}

/* "uri" or "uri#sha256=hex"; the sum is cut off the field. */
static enum err evidence_of(char *field, struct longform_row *row, struct err_text *e)
{
    static const char mark[] = "#sha256=";
    row->uri = field ? field : "";
    row->has_sha256 = false;
    char *sum = field ? strstr(field, mark) : NULL;
    if (sum) {
        if (!hex_bytes(sum + sizeof mark - 1, row->sha256, sizeof row->sha256))
            return err_set(e, ERR_INVALID, "evidence: what follows #sha256= is not 64 hexadecimal digits");
        *sum = 0;
        row->has_sha256 = true;
    }
    if (strlen(row->uri) > WIRE_URI_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "evidence is longer than %d bytes", WIRE_URI_BYTES_MAX);
    if (sum && !*row->uri)
        return err_set(e, ERR_INVALID, "evidence has a SHA-256 but no address");
    return OK;
}

enum err longform_row_make(const struct longform_options *o, char *const field[COLUMN_COUNT], struct longform_row *row,
                           struct err_text *e)
{
    enum err err = text_of(field[COLUMN_INDEX], o->index, "index", WIRE_NAME_BYTES_MAX, &row->index, e);
    if (!err)
        err = text_of(field[COLUMN_PERIOD], o->period, "period", WIRE_NAME_BYTES_MAX, &row->period, e);
    if (!err)
        err = text_of(field[COLUMN_UNIT], NULL, "unit", WIRE_UNIT_BYTES_MAX, &row->unit, e);
    if (!err)
        err = text_of(field[COLUMN_INDICATOR], NULL, "indicator", WIRE_NAME_BYTES_MAX, &row->indicator, e);
    if (!err)
        err = value_of(field[COLUMN_VALUE], &row->value, e);
    if (!err)
        err = stage_of(field[COLUMN_STAGE], o->stage, &row->stage, e);
    if (!err)
        err = observed_of(field[COLUMN_OBSERVED_AT], row, e);
    return err ? err : evidence_of(field[COLUMN_EVIDENCE], row, e);
}
