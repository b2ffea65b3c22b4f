/* Errors of the parbus client library: a code for the program, a sentence for the person who runs it.
 *
 * A function that can fail returns enum parbus_err and takes a struct parbus_err_text * (may be NULL) that it fills
 * only when it fails. The sentence says what was tried and why it did not work; print it as it is. The library asserts
 * its own invariants: a broken one, or a process without memory, ends the program with a line on standard error. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports; everything else in it is hidden. */
#define PARBUS_API __attribute__((visibility("default")))

enum parbus_err { /* numbers stay what they are within one soname */
                  PARBUS_OK,
                  PARBUS_ERR_NOMEM,
                  PARBUS_ERR_IO,        /* the disk or the network said no */
                  PARBUS_ERR_FULL,      /* a limit of this library, or of the disk, is reached */
                  PARBUS_ERR_CORRUPT,   /* what is stored cannot be right */
                  PARBUS_ERR_VERSION,   /* a file, or the other side, is of another version */
                  PARBUS_ERR_NOT_FOUND, /* there is nothing of that name */
                  PARBUS_ERR_AMBIGUOUS, /* there is more than one */
                  PARBUS_ERR_INVALID,   /* the caller asked for something that cannot be */
                  PARBUS_ERR_TOO_LARGE,
                  PARBUS_ERR_BUSY, /* not now: poll, and try again; or another process has it */
                  PARBUS_ERR_LOST,
                  PARBUS_ERR_TIMEOUT,
                  PARBUS_ERR_PEER, /* the other side refused for good, or breaks the protocol */
                  PARBUS_ERR_STOPPED
};

struct parbus_err_text {
    char text[512]; /* UTF-8, ends with NUL */
};

/* The general sentence of a code; static, never NULL. */
PARBUS_API const char *parbus_err_name(enum parbus_err err);

/* Ends the library's own I/O thread, which the first feed or feeder started. Only for who unloads the library or wants
 * no thread left, and only after every feed and feeder was closed. They may be opened again afterwards. */
PARBUS_API void parbus_shutdown(void);

#ifdef __cplusplus
}
#endif
