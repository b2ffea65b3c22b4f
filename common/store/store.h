/* The one place that opens LMDB: under the journal and under state, and under nothing else.
 *
 * What it takes care of, so that nobody else has to: file systems and PID namespaces that LMDB does not support,
 * opening twice in one process, opening while another process closes, the format version, a map that another process
 * made larger, an environment that LMDB gave up after a failed write, a power cut while files and directories are
 * made, and handles that commit and abort have freed.
 *
 * LMDB reads through a map and believes what it finds: a page that is not in the file is a SIGBUS, a damaged one may be
 * a SIGSEGV, an assertion, or an abort of the allocator. From the first store_open on, one of these that comes from
 * LMDB or from a store's map says on standard error which environment it was and what to do, and ends the process
 * with the exit status of ERR_CORRUPT.
 *
 * At most two threads use a store: one that reads (store_read_begin, store_room) and one that writes
 * (store_write_begin); everything else may be called only while no second thread uses it. No use after fork. Calls may
 * wait for another process's write transaction, never for a peer, and never for the other thread. */
#pragma once
#include "base/err.h"
#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_DATABASES_MAX = 8, STORE_PATH_BYTES = 4096, STORE_TAIL_NUMBERS = 10 };
#define STORE_MAP_BYTES_DEFAULT ((size_t)64 << 30)

struct store_options {
    uint32_t format;              /* version of everything inside; kept in database "meta" under "format" */
    const char *const *databases; /* static; [0] is "meta", [1] is there in every version */
    unsigned database_count;
    size_t map_bytes; /* 0: readers what the file has, writers the default */
    bool writer;      /* creates what is missing; the parent directory too */
    bool meta_nosync; /* a power cut may take the last commit back; never a damaged environment */
    bool still;       /* reader: a copy that nobody writes, on whatever file system; no file is made beside it */
    bool network_fs_allowed;
    bool quiet; /* no line of the log: the program is not ours */
};

struct store {
    pthread_rwlock_t held; /* by whoever has a transaction, so that nobody opens the environment anew under it */
    MDB_env *env;
    MDB_dbi dbi[STORE_DATABASES_MAX]; /* in the order of options.databases */
    struct store_options options;
    char path[STORE_PATH_BYTES];
    MDB_txn *read;       /* cached: a reader slot is taken once, a snapshot is held only while read_depth > 0 */
    unsigned read_depth; /* of the reading thread */
    bool writing;        /* of the writing one */
    int namespace_fd;
    int64_t readers_due_us; /* writers look for dead readers' slots now and then */
    int64_t placed_us;      /* … and when they last saw that the file is in its place */
    const char *map;        /* where its file is mapped, map_size bytes */
    size_t map_size;
    /* Writer, within a transaction: what the owner keeps with each one; the last one's when it begins. */
    uint64_t tail[STORE_TAIL_NUMBERS];
    uint64_t generation; /* grows when the environment had to be opened again */
    struct store *next;  /* list of all that are open in this process */
};
/* What a store is before it is opened and after it is closed; closing it again is fine. */
#define STORE_CLOSED ((struct store){.held = PTHREAD_RWLOCK_INITIALIZER, .namespace_fd = -1})

/* Opens the environment <directory>/<name>. The store must stay where it is until it is closed.
 * ERR_NOT_FOUND (reader: nothing there yet), ERR_BUSY (open in this process already), ERR_VERSION, ERR_CORRUPT (cut
 * off; something else's file), ERR_INVALID (file system, PID namespace), ERR_IO. After an error there is nothing to
 * close. */
enum err store_open(struct store *s, const char *directory, const char *name, const struct store_options *o,
                    struct err_text *e);
void store_close(struct store *s);

/* A snapshot. Nested calls share the outer one's. Never kept across a wait: long readers make the file grow. */
enum err store_read_begin(struct store *s, MDB_txn **txn, struct err_text *e);
void store_read_end(struct store *s, MDB_txn **txn);

/* What the owner kept with the transaction that this one sees. ERR_CORRUPT. */
enum err store_tail(MDB_txn *txn, uint64_t tail[static STORE_TAIL_NUMBERS], struct err_text *e);

/* Commit and abort set the handle to NULL, whatever happens. After an error of commit only the next transaction shows
 * whether it was written. Abort after commit does nothing. */
enum err store_write_begin(struct store *s, MDB_txn **txn, struct err_text *e);
enum err store_write_commit(struct store *s, MDB_txn **txn, struct err_text *e);
void store_write_abort(struct store *s, MDB_txn **txn);

/* Code and sentence of what LMDB returned; MDB_SUCCESS is OK. */
enum err store_error(int rc, struct err_text *e);

/* A number under a name in "meta", little-endian. ERR_NOT_FOUND: no such name. */
enum err store_meta_get(struct store *s, MDB_txn *txn, const char *name, uint64_t *value, struct err_text *e);
enum err store_meta_put(struct store *s, MDB_txn *txn, const char *name, uint64_t value, struct err_text *e);

/* ERR_IO when the file that is open is not the one at its path any more: it was moved, deleted or replaced, and what is
 * written would be lost. Looked at before writing, at most every 100 ms, and by store_room. */
enum err store_in_place(struct store *s, struct err_text *e);
/* ERR_FULL when less than `bytes` are left on the disk, or in the map (of a small map, an eighth is enough); the
 * sentence says which of them. */
enum err store_room(struct store *s, size_t bytes, struct err_text *e);
/* fn is called before the process ends because of a damaged page, in a signal handler. One at a time. */
void store_before_end(void (*fn)(void));
/* A consistent, synced copy in <directory>/<name>, which must not exist. */
enum err store_copy(struct store *s, const char *directory, const char *name, struct err_text *e);
/* The same as the bytes of its file, piece by piece; an error of fn ends it and is returned. The snapshot is held until
 * fn has taken the last piece: pages that writers free meanwhile are not used again, and the live file grows. */
typedef enum err store_piece_fn(void *ctx, const void *data, size_t bytes, struct err_text *e);
enum err store_stream(struct store *s, store_piece_fn *fn, void *ctx, struct err_text *e);

static inline MDB_val store_val(const void *data, size_t bytes)
{
    return (MDB_val){.mv_size = bytes, .mv_data = (void *)data};
}
