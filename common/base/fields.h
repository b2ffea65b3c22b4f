/* key=value fields of a log line. The caller puts quotes around values that may hold blanks (why=\"%s\"). In a text
 * that comes in through %s, a quote, a backslash and a newline become \" \\ \n, other control characters \xNN, so that
 * a name from outside cannot pretend to be another field. Knows printf's conversions d i u x X c s f e g, with l, ll,
 * z. Pure. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Writes at most room - 1 bytes and a NUL; what does not fit is cut off. Returns the bytes written without the NUL. */
size_t fields_format(char *out, size_t room, const char *format, va_list *args);
