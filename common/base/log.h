/* Log lines on standard error: one line, UTC time, level, stable id, key=value.
 *     2026-11-21T22:31:05.120Z info scorer.owned partition=12 epoch=4294967297 applied=1802
 * The id is for programs and never changes. Fields are written as fields.h says. A line has at most 1 KB.
 * Lines may come from any thread, the settings from the first one before there are others.
 */
#pragma once
#include "base/tell.h"

enum log_level { LOG_DEBUG = TELL_DEBUG, LOG_INFO = TELL_INFO, LOG_WARN = TELL_WARN, LOG_ERROR = TELL_ERROR };

/* Default LOG_INFO. */
void log_level_set(enum log_level least);
/* Put in front of each line's fields, e.g. "service=scorer-1"; copied. */
void log_context_set(const char *context);

void log_line(enum log_level level, const char *id, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
/* The `tell` of a core's io table in a program: a line of the log. */
void log_told(void *ctx, enum tell_level level, const char *id, const char *text);
