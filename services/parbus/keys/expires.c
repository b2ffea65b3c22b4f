#include "services/parbus/keys/expires.h"
#include "base/date.h"
#include <stdlib.h>
#include <string.h>

static const int64_t MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000, LONGEST_MS = 3650 * 86400000ll;

static int64_t unit_ms(const char *unit)
{
    return !strcmp(unit, "m") ? MINUTE_MS : !strcmp(unit, "h") ? HOUR_MS : !strcmp(unit, "d") ? DAY_MS : 0;
}

bool expires_read_span(const char *text, int64_t *ms)
{
    char *end;
    if (*text < '1' || *text > '9')
        return false;
    long count = strtol(text, &end, 10);
    int64_t each_ms = unit_ms(end);
    if (!each_ms || count > LONGEST_MS / each_ms)
        return false;
    *ms = count * each_ms;
    return true;
}

bool expires_read(const char *text, int64_t now_ms, int64_t *until_ms)
{
    if (!expires_read_span(text, until_ms))
        return date_parse_ms(text, until_ms) && *until_ms > now_ms;
    *until_ms += now_ms;
    return true;
}
