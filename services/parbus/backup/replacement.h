/* Where restore puts an environment: beside the live one, then in its place. DIR/journal may be a symbolic link to a
 * directory elsewhere; the new one then lies there. */
#pragma once
#include "base/err.h"
#include <limits.h>
#include <stdbool.h>

enum { REPLACEMENT_PATH_BYTES = PATH_MAX + 64 };

struct replacement {
    char live[PATH_MAX], fresh[REPLACEMENT_PATH_BYTES], aside[REPLACEMENT_PATH_BYTES];
    bool existed, full; /* the live one is there; and has data in it */
    bool changed;       /* it has been moved aside, or replaced */
    int writer_fd, open_fd;
};

/* Looks only. */
enum err replacement_find(struct replacement *p, const char *directory, const char *name, struct err_text *e);
/* Nobody has the live one open, nor can open it before replacement_close. ERR_BUSY. */
enum err replacement_lock(struct replacement *p, struct err_text *e);
/* An empty directory `fresh` beside the live one. */
enum err replacement_prepare(struct replacement *p, struct err_text *e);
/* The live one gets the name `aside`; when there was nothing in it, it goes. */
enum err replacement_clear(struct replacement *p, struct err_text *e);
/* `fresh` becomes the live one, and the live one `aside`, in one step where the file system can. */
enum err replacement_swap(struct replacement *p, struct err_text *e);
/* What replacement_clear has moved comes back. */
void replacement_undo(struct replacement *p);
void replacement_close(struct replacement *p);
