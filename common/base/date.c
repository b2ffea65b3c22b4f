#include "base/date.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void date_format_ms(int64_t unix_ms, char text[static DATE_TEXT_BYTES])
{
    int64_t ms = ((unix_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));
    struct tm tm;
    if (!gmtime_r(&seconds, &tm)) {
        snprintf(text, DATE_TEXT_BYTES, "?");
        return;
    }
    size_t n = strftime(text, DATE_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        n += (size_t)snprintf(text + n, DATE_TEXT_BYTES - n, ".%03d", (int)ms);
    snprintf(text + n, DATE_TEXT_BYTES - n, "Z");
}

/* Reads exactly `digits` digits. */
static bool number(const char **p, int digits, int *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool literal(const char **p, const char *any_of)
{
    if (!**p || !strchr(any_of, **p))
        return false;
    (*p)++;
    return true;
}

static bool parse_zone(const char **p, int *offset_minutes)
{
    *offset_minutes = 0;
    if (literal(p, "Zz"))
        return true;
    int sign = **p == '-' ? -1 : 1, hours, minutes;
    if (!literal(p, "+-") || !number(p, 2, &hours) || !literal(p, ":") || !number(p, 2, &minutes) || hours > 14 ||
        minutes > 59)
        return false;
    *offset_minutes = sign * (hours * 60 + minutes);
    return true;
}

static bool parse_fraction(const char **p, int *ms)
{
    *ms = 0;
    if (**p != '.')
        return true;
    (*p)++;
    int scale = 100, digits = 0;
    for (; isdigit((unsigned char)**p); (*p)++, digits++, scale /= 10)
        *ms += (**p - '0') * scale;
    return digits > 0;
}

static bool parse_time(const char **p, struct tm *tm, int *ms, int *offset_minutes)
{
    return literal(p, "Tt ") && number(p, 2, &tm->tm_hour) && literal(p, ":") && number(p, 2, &tm->tm_min) &&
           literal(p, ":") && number(p, 2, &tm->tm_sec) && parse_fraction(p, ms) && parse_zone(p, offset_minutes);
}

bool date_parse_ms(const char *text, int64_t *unix_ms)
{
    struct tm tm = {0};
    const char *p = text;
    int year, month, ms = 0, offset_minutes = 0;
    if (!number(&p, 4, &year) || !literal(&p, "-") || !number(&p, 2, &month) || !literal(&p, "-") ||
        !number(&p, 2, &tm.tm_mday))
        return false;
    if (*p && !parse_time(&p, &tm, &ms, &offset_minutes))
        return false;
    if (*p || year < 1970 || year > 2200 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    struct tm asked = tm;
    time_t seconds = timegm(&tm);
    if (tm.tm_mday != asked.tm_mday || tm.tm_mon != asked.tm_mon) /* 31 February */
        return false;
    *unix_ms = ((int64_t)seconds - offset_minutes * 60) * 1000 + ms;
    return true;
}
