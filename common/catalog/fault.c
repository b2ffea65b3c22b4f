#include "catalog/fault.h"
#include "catalog/catalog.h"
#include <stdarg.h>
#include <stdio.h>

void check_fault(const struct check *c, enum check_scope scope, size_t position, const char *key, const char *format,
                 ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->fault(c->ctx, scope, position, key, text);
}

const char *check_micro(int64_t micro, char out[static CHECK_MICRO_BYTES])
{
    uint64_t size = micro < 0 ? 0 - (uint64_t)micro : (uint64_t)micro;
    int n = snprintf(out, CHECK_MICRO_BYTES, "%s%llu.%06llu", micro < 0 ? "-" : "", (unsigned long long)(size / MICRO),
                     (unsigned long long)(size % MICRO));
    while (out[n - 1] == '0')
        out[--n] = '\0';
    if (out[n - 1] == '.')
        out[--n] = '\0';
    return out;
}
