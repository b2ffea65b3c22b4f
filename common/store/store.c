#include "store/store.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/bus.h"
#include "store/create.h"
#include "store/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    READERS_MAX = 512,
    OPEN_TRIES = 40,
    OPEN_PAUSE_NS = 5 * 1000 * 1000,
    READERS_CHECK_US = 10 * 1000 * 1000,
    NEARLY_FULL_BYTES = 4 << 20,
    META_PAGES = 2,
};
/* LMDB's own handles, as mdb_stat takes them. */
enum { FREE_DBI, MAIN_DBI };
/* Beside LMDB's codes and errno. */
enum { FOREIGN = 100001, CUT_OFF };

/* LMDB's locks belong to the process: a second environment on the same files would release the first one's. */
static struct store *stores_open;
static pthread_mutex_t stores_mutex = PTHREAD_MUTEX_INITIALIZER;

static bool same_place(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static enum err enter(struct store *s, struct err_text *e)
{
    enum err code = OK;
    pthread_mutex_lock(&stores_mutex);
    for (const struct store *other = stores_open; other && !code; other = other->next)
        if (same_place(other->path, s->path))
            code = err_set(e, ERR_BUSY, "%s is open in this process already", s->path);
    if (!code) {
        s->next = stores_open;
        stores_open = s;
        bus_install(&stores_open);
    }
    pthread_mutex_unlock(&stores_mutex);
    return code;
}

static void leave(struct store *s)
{
    pthread_mutex_lock(&stores_mutex);
    struct store **at = &stores_open;
    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
    pthread_mutex_unlock(&stores_mutex);
}

static void env_close(struct store *s)
{
    if (s->read)
        mdb_txn_abort(s->read);
    s->read = NULL;
    s->map = NULL;
    if (s->env)
        mdb_env_close(s->env);
    s->env = NULL;
}

static unsigned env_flags(const struct store_options *o)
{
    return MDB_NOTLS | (o->writer ? 0 : MDB_RDONLY) | (o->meta_nosync ? MDB_NOMETASYNC : 0) |
           (o->still ? MDB_NOLOCK : 0);
}

static size_t map_bytes_of(const struct store_options *o)
{
    return o->map_bytes || !o->writer ? o->map_bytes : STORE_MAP_BYTES_DEFAULT;
}

static int env_start(struct store *s)
{
    const struct store_options *o = &s->options;
    size_t map_bytes = map_bytes_of(o);
    int rc = mdb_env_create(&s->env);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, o->database_count);
    if (!rc)
        rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
    if (!rc && map_bytes)
        rc = mdb_env_set_mapsize(s->env, map_bytes);
    if (!rc)
        rc = mdb_env_open(s->env, s->path, env_flags(o), 0600);
    if (!rc)
        bus_locate(s);
    return rc;
}

static int meta_get(struct store *s, MDB_txn *txn, const char *name, uint64_t *value)
{
    MDB_val key = store_val(name, strlen(name)), data;
    int rc = mdb_get(txn, s->dbi[0], &key, &data);
    if (!rc && data.mv_size != sizeof *value)
        rc = MDB_CORRUPTED;
    if (!rc)
        memcpy(value, data.mv_data, sizeof *value);
    return rc;
}

static int meta_put(struct store *s, MDB_txn *txn, const char *name, uint64_t value)
{
    MDB_val key = store_val(name, strlen(name)), data = store_val(&value, sizeof value);
    return mdb_put(txn, s->dbi[0], &key, &data, 0);
}

/* Only an environment with nothing in it is made ours; to a reader it is not there yet. */
static int make_new(struct store *s, MDB_txn *txn, uint64_t *format)
{
    MDB_stat all;
    int rc = mdb_stat(txn, MAIN_DBI, &all);
    if (!rc && all.ms_entries > 0)
        return FOREIGN;
    if (!rc && !s->options.writer)
        return MDB_NOTFOUND;
    for (unsigned i = 0; i < s->options.database_count && !rc; i++)
        rc = mdb_dbi_open(txn, s->options.databases[i], MDB_CREATE, &s->dbi[i]);
    return rc ? rc : meta_put(s, txn, "format", *format = s->options.format);
}

static size_t pages_of(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat stat;
    if (mdb_stat(txn, dbi, &stat))
        return 0;
    return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

static bool file_length(const struct store *s, size_t *bytes, size_t *page_bytes)
{
    int fd;
    struct stat st;
    MDB_stat stat;
    if (mdb_env_get_fd(s->env, &fd) || fstat(fd, &st) < 0 || mdb_env_stat(s->env, &stat))
        return false;
    *bytes = (size_t)st.st_size;
    *page_bytes = stat.ms_psize;
    return true;
}

/* LMDB may leave the file shorter than its last page number (the last pages were freed before they were written), so
 * that says nothing; but each page in use is somewhere in it. What else is missing, bus.c tells. */
static int check_length(struct store *s, MDB_txn *txn)
{
    size_t bytes, page_bytes, pages = META_PAGES + pages_of(txn, FREE_DBI) + pages_of(txn, MAIN_DBI);
    for (unsigned i = 0; i < s->options.database_count; i++)
        pages += pages_of(txn, s->dbi[i]);
    return file_length(s, &bytes, &page_bytes) && bytes < pages * page_bytes ? CUT_OFF : MDB_SUCCESS;
}

/* When the file ends in the middle of a page, the rest of that page is read as zeros: names missed in it were cut off.
 * A full disk leaves such an end too, of a page that nobody uses: by itself it says nothing. */
static int foreign_or_cut_off(const struct store *s)
{
    size_t bytes, page_bytes;
    return file_length(s, &bytes, &page_bytes) && bytes % page_bytes ? CUT_OFF : FOREIGN;
}

/* A format that is not ours is left untouched: the other databases are not even looked at. */
static int databases(struct store *s, MDB_txn *txn, uint64_t *format)
{
    const struct store_options *o = &s->options;
    int rc = mdb_dbi_open(txn, o->databases[0], 0, &s->dbi[0]);
    if (rc == MDB_NOTFOUND)
        return make_new(s, txn, format);
    if (!rc)
        rc = meta_get(s, txn, "format", format);
    for (unsigned i = 1; i < o->database_count && !rc && *format == o->format; i++)
        rc = mdb_dbi_open(txn, o->databases[i], 0, &s->dbi[i]);
    if (rc == MDB_NOTFOUND)
        rc = FOREIGN;
    return rc || *format != o->format ? rc : check_length(s, txn);
}

static int databases_open(struct store *s, uint64_t *format)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, s->options.writer ? 0 : MDB_RDONLY, &txn);
    if (rc)
        return rc;
    rc = databases(s, txn, format);
    if (!rc && *format == s->options.format)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc == FOREIGN ? foreign_or_cut_off(s) : rc;
}

/* A process that closes the environment as the last one destroys the lock file's mutexes, and one that opens it at that
 * moment finds them so (EINVAL); it comes right when both have let go. */
static bool transient(int rc) { return rc == EAGAIN || rc == EBUSY || rc == EINVAL || rc == EINTR; }

static enum err opening_error(int rc, struct err_text *e)
{
    if (rc == FOREIGN)
        return err_set(e, ERR_CORRUPT, "data.mdb is an LMDB file, but of something else");
    if (rc == CUT_OFF)
        return err_set(e, ERR_CORRUPT, "data.mdb is cut off: it is shorter than what is in use of it");
    return store_error(rc, e);
}

static enum err env_open(struct store *s, struct err_text *e)
{
    uint64_t format = 0;
    int rc = 0;
    for (unsigned i = 0; i < OPEN_TRIES; i++) {
        if (i)
            nanosleep(&(struct timespec){.tv_nsec = OPEN_PAUSE_NS}, NULL);
        rc = env_start(s);
        if (!rc)
            rc = databases_open(s, &format);
        if (!transient(rc))
            break;
        env_close(s);
    }
    enum err code = opening_error(rc, e);
    if (!code && format != s->options.format)
        code = err_set(e, ERR_VERSION, "version %llu of the format, this program knows version %u",
                       (unsigned long long)format, s->options.format);
    if (code)
        env_close(s);
    return code;
}

/* What cannot be waited out but can be put right, when nobody holds pointers into the map. After a failed write of the
 * meta page LMDB wants the environment opened anew. */
static bool recover(struct store *s, int rc)
{
    if (s->read_depth || s->writing)
        return false;
    if (rc == MDB_MAP_RESIZED) {
        bool done = mdb_env_set_mapsize(s->env, 0) == MDB_SUCCESS;
        bus_locate(s);
        return done;
    }
    if (rc != MDB_PANIC)
        return false;
    env_close(s);
    s->generation++;
    return env_open(s, NULL) == OK;
}

static enum err place(struct store *s, struct err_text *e)
{
    if (s->options.writer)
        return guard_make_directory(s->path, e);
    char file[STORE_PATH_BYTES + 16];
    struct stat st;
    snprintf(file, sizeof file, "%s/data.mdb", s->path);
    if (stat(file, &st) == 0)
        return st.st_size > 0 ? OK : err_set(e, ERR_NOT_FOUND, "%s is empty", file);
    return err_set(e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO, "%s: %s", file, strerror(errno));
}

static enum err join(char path[static STORE_PATH_BYTES], const char *directory, const char *name, struct err_text *e)
{
    int n = snprintf(path, STORE_PATH_BYTES, "%s/%s", directory, name);
    return n > 0 && n < STORE_PATH_BYTES ? OK : err_set(e, ERR_INVALID, "path too long: %s", directory);
}

/* Who made a directory may have died before it was synced. Its parent may be closed to us: then whoever made it saw to
 * it. */
static enum err sync_names(const struct store *s, const char *directory, struct err_text *e)
{
    enum err code = guard_sync_directory(s->path, e);
    if (!code)
        code = guard_sync_directory(directory, e);
    if (!code)
        (void)guard_sync_parent(directory, NULL);
    return code;
}

static enum err open_all(struct store *s, const char *directory, const char *name, struct err_text *e)
{
    enum err code = join(s->path, directory, name, e);
    if (!code && s->options.writer)
        code = guard_make_directory(directory, e);
    if (!code)
        code = place(s, e);
    if (!code && !s->options.network_fs_allowed && !s->options.still)
        code = guard_file_system(s->path, e);
    if (!code)
        code = enter(s, e);
    if (!code && !s->options.still)
        code = guard_pid_namespace(s->path, &s->namespace_fd, e);
    if (!code && s->options.writer)
        code = create_file(s->path, map_bytes_of(&s->options), e);
    if (!code)
        code = env_open(s, e);
    if (!code && s->options.writer)
        code = sync_names(s, directory, e);
    return code;
}

/* A reader that died in the middle keeps old pages from being used again, and the file grows. */
static void check_readers(struct store *s)
{
    int64_t now_us = clock_mono_us();
    if (now_us < s->readers_due_us)
        return;
    s->readers_due_us = now_us + READERS_CHECK_US;
    int dead = 0;
    if (s->env && mdb_reader_check(s->env, &dead) == MDB_SUCCESS && dead)
        log_info("store.readers_freed", "path=%s count=%d", s->path, dead);
}

enum err store_open(struct store *s, const char *directory, const char *name, const struct store_options *o,
                    struct err_text *e)
{
    ASSERT(o->database_count > 0 && o->database_count <= STORE_DATABASES_MAX);
    *s = STORE_CLOSED;
    s->options = *o;
    enum err code = open_all(s, directory, name, e);
    if (code)
        store_close(s);
    else
        check_readers(s);
    return code;
}

void store_close(struct store *s)
{
    env_close(s);
    if (s->namespace_fd >= 0)
        close(s->namespace_fd);
    leave(s);
    *s = STORE_CLOSED;
}

static int read_start(struct store *s)
{
    if (!s->env)
        return MDB_PANIC;
    if (s->read && mdb_txn_renew(s->read) == MDB_SUCCESS)
        return MDB_SUCCESS;
    if (s->read)
        mdb_txn_abort(s->read);
    s->read = NULL;
    return mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->read);
}

enum err store_read_begin(struct store *s, MDB_txn **txn, struct err_text *e)
{
    *txn = NULL;
    if (s->read_depth == 0) {
        int rc = read_start(s);
        if (rc && recover(s, rc))
            rc = read_start(s);
        if (rc) {
            s->read = NULL;
            return store_error(rc, e);
        }
    }
    s->read_depth++;
    *txn = s->read;
    return OK;
}

void store_read_end(struct store *s, MDB_txn **txn)
{
    if (!*txn)
        return;
    *txn = NULL;
    ASSERT(s->read_depth > 0);
    if (--s->read_depth == 0)
        mdb_txn_reset(s->read);
}

static int write_start(struct store *s, MDB_txn **txn)
{
    return s->env ? mdb_txn_begin(s->env, NULL, 0, txn) : MDB_PANIC;
}

enum err store_write_begin(struct store *s, MDB_txn **txn, struct err_text *e)
{
    ASSERT(s->options.writer && !s->writing);
    *txn = NULL;
    check_readers(s);
    int rc = write_start(s, txn);
    if (rc && recover(s, rc))
        rc = write_start(s, txn);
    if (rc)
        *txn = NULL;
    s->writing = !rc;
    return store_error(rc, e);
}

/* LMDB calls a write that came to an end half way an I/O error; mostly it is the disk that was full there. */
static int told_by_disk(const struct store *s, int rc)
{
    struct statvfs fs;
    if (rc != EIO || statvfs(s->path, &fs) < 0)
        return rc;
    return (uint64_t)fs.f_bavail * fs.f_frsize < NEARLY_FULL_BYTES ? ENOSPC : rc;
}

enum err store_write_commit(struct store *s, MDB_txn **txn, struct err_text *e)
{
    ASSERT(*txn && s->writing);
    MDB_txn *going = *txn;
    *txn = NULL;
    s->writing = false;
    return err_wrap(e, store_error(told_by_disk(s, mdb_txn_commit(going)), e), "commit");
}

void store_write_abort(struct store *s, MDB_txn **txn)
{
    if (!*txn)
        return;
    mdb_txn_abort(*txn);
    *txn = NULL;
    s->writing = false;
}

enum err store_meta_get(struct store *s, MDB_txn *txn, const char *name, uint64_t *value, struct err_text *e)
{
    return err_wrap(e, store_error(meta_get(s, txn, name, value), e), "meta \"%s\"", name);
}

enum err store_meta_put(struct store *s, MDB_txn *txn, const char *name, uint64_t value, struct err_text *e)
{
    return err_wrap(e, store_error(meta_put(s, txn, name, value), e), "meta \"%s\"", name);
}
