#include "base/log.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/fields.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

static enum log_level level_least = LOG_INFO;
static char context[64];

void log_level_set(enum log_level least) { level_least = least; }

void log_context_set(const char *text) { snprintf(context, sizeof context, "%s ", text); }

static void write_line(enum log_level level, const char *id, const char *fields)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char line[LINE_BYTES + 1], when[DATE_TEXT_BYTES];
    date_format_ms(clock_wall_ms(), when);
    int n = snprintf(line, LINE_BYTES, "%s %s %s %s%s", when, names[level], id, context, fields);
    size_t bytes = n < LINE_BYTES ? (size_t)n : LINE_BYTES - 1;
    line[bytes++] = '\n';
    /* One write per line, so that lines of several processes do not mix in one file. */
    if (write(STDERR_FILENO, line, bytes) < 0)
        return;
}

void log_line(enum log_level level, const char *id, const char *format, ...)
{
    char fields[LINE_BYTES];
    va_list args;
    if (level < level_least)
        return;
    va_start(args, format);
    fields_format(fields, sizeof fields, format, &args);
    va_end(args);
    write_line(level, id, fields);
}

void log_told(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx;
    if ((enum log_level)level >= level_least)
        write_line((enum log_level)level, id, text);
}
