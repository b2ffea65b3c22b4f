#include "base/clock.h"
#include "base/log.h"
#include "store/create.h"
#include "store/guard.h"
#include "store/internal.h"
#include "store/signals.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    READERS_MAX = 512,
    OPEN_TRIES = 40,
    OPEN_PAUSE_NS = 5 * 1000 * 1000,
    READERS_CHECK_US = 10 * 1000 * 1000,
};

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
    enum err err = OK;
    pthread_mutex_lock(&stores_mutex);
    for (const struct store *other = stores_open; other && !err; other = other->next)
        if (same_place(other->path, s->path))
            err = err_set(e, ERR_BUSY, "%s is open in this process already", s->path);
    if (!err) {
        s->next = stores_open;
        stores_open = s;
        signals_install(&stores_open);
    }
    pthread_mutex_unlock(&stores_mutex);
    return err;
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
        rc = mdb_env_set_assert(s->env, signals_assertion);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, o->database_count);
    if (!rc)
        rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
    if (!rc && map_bytes)
        rc = mdb_env_set_mapsize(s->env, map_bytes);
    if (!rc)
        rc = mdb_env_open(s->env, s->path, env_flags(o), 0600);
    if (!rc)
        signals_locate(s);
    return rc;
}

/* A process that closes the environment as the last one destroys the lock file's mutexes, and one that opens it at that
 * moment finds them so (EINVAL); it comes right when both have let go. */
static bool transient(int rc) { return rc == EAGAIN || rc == EBUSY || rc == EINVAL || rc == EINTR; }

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
    enum err err = databases_error(rc, e);
    if (!err && format != s->options.format)
        err = err_set(e, ERR_VERSION, "version %llu of the format, this program knows version %u",
                      (unsigned long long)format, s->options.format);
    if (err)
        env_close(s);
    return err;
}

static bool recover(struct store *s, int rc)
{
    if (rc == MDB_MAP_RESIZED) {
        bool done = mdb_env_set_mapsize(s->env, 0) == MDB_SUCCESS;
        signals_locate(s);
        return done;
    }
    if (rc != MDB_PANIC)
        return false;
    env_close(s);
    s->generation++;
    return env_open(s, NULL) == OK;
}

bool store_recover(struct store *s, int rc)
{
    if (pthread_rwlock_trywrlock(&s->held))
        return false;
    bool done = recover(s, rc);
    pthread_rwlock_unlock(&s->held);
    return done;
}

/* create_file gives it its name when the two pages that LMDB begins with are there. */
static enum err check_beginning(const char *file, const struct stat *st, struct err_text *e)
{
    if (st->st_size == 0 || st->st_size >= 2 * sysconf(_SC_PAGESIZE))
        return OK;
    return err_set(e, ERR_CORRUPT, "%s is cut off: %lld bytes are left of it. " HOW_IT_COMES_BACK, file,
                   (long long)st->st_size);
}

static enum err place(struct store *s, struct err_text *e)
{
    char file[STORE_PATH_BYTES + 16];
    struct stat st;
    snprintf(file, sizeof file, "%s/data.mdb", s->path);
    if (stat(file, &st) == 0 && (s->options.writer || st.st_size > 0))
        return check_beginning(file, &st, e);
    if (s->options.writer)
        return guard_make_directory(s->path, e);
    if (stat(file, &st) == 0)
        return err_set(e, ERR_NOT_FOUND, "%s is empty", file);
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
    enum err err = guard_sync_directory(s->path, e);
    if (!err)
        err = guard_sync_directory(directory, e);
    if (!err)
        (void)guard_sync_parent(directory, NULL);
    return err;
}

static enum err open_all(struct store *s, const char *directory, const char *name, struct err_text *e)
{
    enum err err = join(s->path, directory, name, e);
    if (!err && s->options.writer)
        err = guard_make_directory(directory, e);
    if (!err)
        err = place(s, e);
    if (!err && !s->options.network_fs_allowed && !s->options.still)
        err = guard_file_system(s->path, e);
    if (!err)
        err = enter(s, e);
    if (!err && !s->options.still)
        err = guard_pid_namespace(s->path, &s->namespace_fd, e);
    if (!err && s->options.writer)
        err = create_file(s->path, map_bytes_of(&s->options), e);
    if (!err)
        err = env_open(s, e);
    if (!err && s->options.writer)
        err = sync_names(s, directory, e);
    return err;
}

void store_check_readers(struct store *s)
{
    int64_t now_us = clock_mono_us();
    if (now_us < s->readers_due_us)
        return;
    s->readers_due_us = now_us + READERS_CHECK_US;
    int dead = 0;
    if (s->env && mdb_reader_check(s->env, &dead) == MDB_SUCCESS && dead && !s->options.quiet)
        log_info("store.readers_freed", "path=%s count=%d", s->path, dead);
}

enum err store_open(struct store *s, const char *directory, const char *name, const struct store_options *o,
                    struct err_text *e)
{
    ASSERT(o->database_count > 0 && o->database_count <= STORE_DATABASES_MAX);
    *s = STORE_CLOSED;
    s->options = *o;
    enum err err = open_all(s, directory, name, e);
    if (err)
        store_close(s);
    else
        store_check_readers(s);
    return err;
}

void store_close(struct store *s)
{
    env_close(s);
    if (s->namespace_fd >= 0)
        close(s->namespace_fd);
    leave(s);
    *s = STORE_CLOSED;
}
