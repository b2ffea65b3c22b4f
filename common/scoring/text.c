#include "catalog/catalog.h"
#include "scoring/scoring.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void points_format(int64_t micro, unsigned decimals, char text[static POINTS_TEXT_BYTES])
{
    uint64_t unit = 1;
    for (unsigned i = decimals < 6 ? decimals : 6; i < 6; i++)
        unit *= 10;
    uint64_t magnitude = micro < 0 ? -(uint64_t)micro : (uint64_t)micro;
    uint64_t rounded = (magnitude + unit / 2) / unit, one = MICRO / unit;
    int n = snprintf(text, POINTS_TEXT_BYTES, "%s%" PRIu64, micro < 0 && rounded ? "-" : "", rounded / one);
    if (one > 1)
        snprintf(text + n, POINTS_TEXT_BYTES - (size_t)n, ".%0*" PRIu64, (int)(decimals < 6 ? decimals : 6),
                 rounded % one);
}

/* 15 digits always survive the way from text to double and back (except below the normal doubles); 17 are always
 * enough. */
void value_format(double value, char text[static VALUE_TEXT_BYTES])
{
    for (int digits = isnormal(value) ? 15 : 1; digits <= 17; digits++) {
        snprintf(text, VALUE_TEXT_BYTES, "%.*g", digits, value == 0 ? 0 : value);
        if (strtod(text, NULL) == value)
            break;
    }
    /* A program that follows the user's locale may have printed a comma. */
    for (char *p = text; *p; p++)
        if (*p == ',')
            *p = '.';
}
