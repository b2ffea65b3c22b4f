#include "base/log.h"
#include "base/clock.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level level_least = LOG_INFO;
static char context[64];

void log_level_set(enum log_level least) { level_least = least; }

void log_context_set(const char *text) { snprintf(context, sizeof context, "%s ", text); }

void log_line(enum log_level level, const char *id, const char *format, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < level_least)
        return;
    char line[1024], when[CLOCK_TEXT_BYTES];
    clock_format_ms(clock_wall_ms(), when);
    int n = snprintf(line, sizeof line - 1, "%s %s %s %s", when, names[level], id, context);
    va_list args;
    va_start(args, format);
    if (n > 0 && (size_t)n < sizeof line - 1)
        n += vsnprintf(line + n, sizeof line - 1 - (size_t)n, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 2;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    line[length++] = '\n';
    /* One write per line, so that lines of several processes do not mix in one file. */
    if (write(STDERR_FILENO, line, length) < 0)
        return;
}
