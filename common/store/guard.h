/* What has to hold around an LMDB environment before LMDB may touch it. */
#pragma once
#include "base/err.h"
#include <stdbool.h>

/* The name of a file system that LMDB does not work on (no shared memory maps or no byte-range locks between hosts), by
 * statfs's f_type; NULL: none of them. */
const char *guard_fs_unsupported(unsigned long type);
/* ERR_INVALID when `path` is on one. */
enum err guard_file_system(const char *path, struct err_text *e);

/* All processes that have an environment open must see each other's process ids. *fd holds a shared lock on
 * <path>/namespace, a file that names the PID namespace of those who have it open; close it to leave.
 * ERR_INVALID: others have it open in another namespace. */
enum err guard_pid_namespace(const char *path, int *fd, struct err_text *e);

/* One process at a time. *fd holds the lock, close it to leave. ERR_BUSY names the process that holds it. */
enum err guard_lock(const char *file, int *fd, struct err_text *e);

/* ERR_BUSY: somebody has the environment at `path` open. Else nobody can open it until *fd is closed; -1: it was never
 * opened. */
enum err guard_nobody(const char *path, int *fd, struct err_text *e);

/* mkdir with mode 0700; being there already is fine. The parent is synced, so that a power cut does not lose the name.
 * These three: ERR_IO. */
enum err guard_make_directory(const char *path, struct err_text *e);
enum err guard_sync_directory(const char *path, struct err_text *e);
/* The directory in which `path` is a name. */
enum err guard_sync_parent(const char *path, struct err_text *e);
