/* A new environment's file. */
#pragma once
#include "base/err.h"
#include <stddef.h>

/* LMDB makes a file by writing two pages without a sync: a power cut would leave a piece that nobody can open any more.
 * Here the file gets its name, data.mdb in `path`, only when it is whole and synced; the caller syncs the directory. A
 * file that is there stays as it is. Several processes may do this at once. ERR_IO, ERR_FULL. */
enum err create_file(const char *path, size_t map_bytes, struct err_text *e);
