/* Where restore puts an environment: beside the live one, then in its place. DIR/journal may be a symbolic link to a
 * directory elsewhere; the new one then lies there. */
#pragma once
#include "base/err.h"
#include <limits.h>
#include <stdbool.h>

enum { PLACE_PATH_BYTES = PATH_MAX + 64 };

struct place {
    char live[PATH_MAX], fresh[PLACE_PATH_BYTES], aside[PLACE_PATH_BYTES];
    bool existed, full; /* the live one is there; and has data in it */
    bool changed;       /* it has been moved aside, or replaced */
    int writer_fd, open_fd;
};

/* Looks only. */
enum err place_find(struct place *p, const char *directory, const char *name, struct err_text *e);
/* Nobody has the live one open, nor can open it before place_close. ERR_BUSY. */
enum err place_lock(struct place *p, struct err_text *e);
/* An empty directory `fresh` beside the live one. */
enum err place_prepare(struct place *p, struct err_text *e);
/* The live one gets the name `aside`; when there was nothing in it, it goes. */
enum err place_clear(struct place *p, struct err_text *e);
/* `fresh` becomes the live one, and the live one `aside`, in one step where the file system can. */
enum err place_swap(struct place *p, struct err_text *e);
/* What place_clear has moved comes back. */
void place_undo(struct place *p);
void place_close(struct place *p);
