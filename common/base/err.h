/* Errors: a code for the program, a sentence for the operator.
 *
 * A function that can fail returns enum err and takes a struct err_text * (may be NULL). The innermost function says
 * what went wrong (err_set); each caller that knows more puts its own words in front (err_wrap):
 *     "open journal /srv/parbus/journal: version 3 of the format is newer than this program"
 * Errors are for the world (peers, files, disks). For our own invariants there is ASSERT, which stays in release. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define ERR_TABLE(X)                                                                                                   \
    X(OK, "no error")                                                                                                  \
    X(ERR_NOMEM, "out of memory")                                                                                      \
    X(ERR_IO, "input/output error")                                                                                    \
    X(ERR_FULL, "no room left")                                                                                        \
    X(ERR_CORRUPT, "stored data is damaged")                                                                           \
    X(ERR_VERSION, "other format version")                                                                             \
    X(ERR_NOT_FOUND, "not found")                                                                                      \
    X(ERR_AMBIGUOUS, "more than one match")                                                                            \
    X(ERR_INVALID, "invalid")                                                                                          \
    X(ERR_TOO_LARGE, "too large")                                                                                      \
    X(ERR_BUSY, "busy")                                                                                                \
    X(ERR_LOST, "ownership lost")                                                                                      \
    X(ERR_TIMEOUT, "timed out")                                                                                        \
    X(ERR_PEER, "peer error")                                                                                          \
    X(ERR_STOPPED, "stopped")

enum err {
#define X(code, text) code,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

struct err_text {
    char text[512];
};

/* The general sentence of a code; static. */
const char *err_name(enum err err);

/* Sets the text and returns err. */
enum err err_set(struct err_text *e, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "words: " in front of the text and returns err. With OK the text stays as it is. */
enum err err_wrap(struct err_text *e, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What a process ends with: 0, and 1 after an error, unless it has said what damaged data is to end in. */
int err_exit_status(enum err err);
void err_exit_damaged(int status);

_Noreturn void assert_failed(const char *what, const char *file, int line);
#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
