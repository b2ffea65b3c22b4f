/* A key that is about to be brought in, on disk before anybody else has heard of it: who dies at any moment goes on
 * with the same key (a token is good for one). */
#pragma once
#include "context/invitation.h"

/* The draft beside `path` when it is of this server, this door and this name, else a new one, written. */
enum err draft_open(struct context *c, const struct invitation *i, const char *path, struct err_text *e);
/* It is known: into its place, and it is the default from now on (draft_default). ERR_BUSY: there is something. */
enum err draft_keep(const struct context *c, const char *path, struct err_text *e);
void draft_remove(const char *path);
