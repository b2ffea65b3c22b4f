#include "base/tell.h"
#include "base/fields.h"

void tell_fields(tell_fn *fn, void *ctx, enum tell_level level, const char *id, const char *format, ...)
{
    char text[TELL_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    fields_format(text, sizeof text, format, &args);
    va_end(args);
    fn(ctx, level, id, text);
}
