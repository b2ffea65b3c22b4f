/* key=value fields of a log line. Values that may hold blanks are quoted by the caller (why=\"%s\"); in what %s stands
 * for, a quote, a backslash and a newline become \" \\ \n, other control characters \xNN: a name from outside cannot
 * pretend to be another field. Of printf, the conversions are d i u x X c s f e g, with l, ll, z. Pure. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Writes at most room - 1 bytes and a NUL; what does not fit is cut off. Returns the bytes written without the NUL. */
size_t fields_format(char *out, size_t room, const char *format, va_list *args);
