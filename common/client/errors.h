/* The library's error type (parbus/error.h) and that of the inside (base/err.h) are one table under two sets of names,
 * because no installed header may say OK or ERR, which are curses'. Here is the door between them, for the library
 * itself and for programs of this project that use it. */
#pragma once
#include "base/err.h"
#include <parbus/error.h>
#include <stdio.h>

#define SAME(code, text) _Static_assert((int)PARBUS_##code == (int)(code), #code " has two numbers");
ERR_TABLE(SAME)
#undef SAME
_Static_assert((int)PARBUS_ERR_STOPPED + 1 == (int)ERR_COUNT, "an error is missing in one of the tables");
_Static_assert(sizeof(struct parbus_err_text) == sizeof(struct err_text), "the texts differ in length");

/* From the library to the inside. */
static inline enum err err_of(enum parbus_err err) { return (enum err)err; }
static inline struct parbus_err_text *public_text(struct err_text *e) { return (struct parbus_err_text *)e; }
/* From the inside to the library's callers. */
static inline enum parbus_err public_err(enum err err) { return (enum parbus_err)err; }
static inline struct err_text *text_of(struct parbus_err_text *e) { return (struct err_text *)e; }
/* … and why, only when it failed (error.h): on the way to success something may have failed, and been put right. */
static inline enum parbus_err public_result(enum err err, const struct err_text *why, struct parbus_err_text *e)
{
    if (err && e)
        snprintf(e->text, sizeof e->text, "%s", why->text);
    return public_err(err);
}
