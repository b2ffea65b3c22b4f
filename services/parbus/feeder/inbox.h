/* A directory in which files appear that are to be sent. What is still being written has another name (".x.csv",
 * "x.csv.part"), and is renamed to "x.csv" when it is whole; then it is taken, in the order of names. What was sent
 * lies in done/ afterwards, or in failed/ when something of it was not taken, each with its report beside it. */
#pragma once
#include "services/parbus/push/push.h"
#include <limits.h>

struct inbox {
    char path[PUSH_PATH_BYTES], report[PUSH_PATH_BYTES + 16]; /* report: being written */
    int lock_fd, notes_fd;                                    /* notes_fd can be read when something was renamed */
};

/* ERR_IO, ERR_NOT_FOUND; ERR_BUSY: another feeder watches it. To be closed whatever it returns. */
enum err inbox_open(struct inbox *b, const char *directory, struct err_text *e);
void inbox_close(struct inbox *b);
/* The first file by name; false: there is none. */
bool inbox_next(const struct inbox *b, char name[static NAME_MAX + 1]);
/* Reads what notes_fd has. */
void inbox_noted(struct inbox *b);
/* Its report, then the file itself, go to done/ or failed/; what has the name there stays, and this one gets a number.
 * ERR_IO: it is where it was. */
enum err inbox_settle(struct inbox *b, const char *name, bool fine, struct err_text *e);
