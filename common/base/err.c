#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *err_name(enum err err)
{
    static const char *const names[] = {
#define X(err, text) [err] = (text),
        ERR_TABLE(X)
#undef X
    };
    return (unsigned)err < ERR_COUNT ? names[err] : "unknown error";
}

enum err err_set(struct err_text *e, enum err err, const char *format, ...)
{
    if (e) {
        va_list args;
        va_start(args, format);
        vsnprintf(e->text, sizeof e->text, format, args);
        va_end(args);
    }
    return err;
}

enum err err_wrap(struct err_text *e, enum err err, const char *format, ...)
{
    if (!e || err == OK)
        return err;
    char inner[sizeof e->text];
    memcpy(inner, e->text, sizeof inner);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof e->text)
        snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", inner);
    return err;
}

void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "level=fatal id=assert at=%s:%d what=\"%s\"\n", file, line, what);
    abort();
}

static int damaged_status = 1;

void err_exit_damaged(int status) { damaged_status = status; }

int err_exit_status(enum err err) { return err == ERR_CORRUPT ? damaged_status : err != OK; }
