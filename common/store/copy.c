#include "store/guard.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20, MAP_SHARE = 8 };

static size_t map_rest(struct store *s, size_t *map_bytes)
{
    MDB_envinfo info;
    MDB_stat stat;
    *map_bytes = 0;
    if (!s->env || mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &stat))
        return 0;
    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    *map_bytes = info.me_mapsize;
    return info.me_mapsize > used ? info.me_mapsize - used : 0;
}

/* A file system that does not say counts as not full. */
static size_t disk_rest(const struct store *s)
{
    struct statvfs fs;
    return statvfs(s->path, &fs) < 0 ? SIZE_MAX : (size_t)fs.f_bavail * fs.f_frsize;
}

enum err store_room(struct store *s, size_t bytes, struct err_text *e)
{
    enum err err = store_in_place(s, e);
    if (err)
        return err;
    pthread_rwlock_rdlock(&s->held);
    size_t whole, map = map_rest(s, &whole), disk = disk_rest(s);
    pthread_rwlock_unlock(&s->held);
    if (disk < bytes)
        return err_wrap(e, store_error(ENOSPC, e), "%s: %zu KB are left", s->path, disk >> 10);
    if (whole && map < bytes && map < whole / MAP_SHARE)
        return err_wrap(e, store_error(MDB_MAP_FULL, e), "%s: %zu KB are left", s->path, map >> 10);
    return OK;
}

static enum err sync_file(const char *file, struct err_text *e)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, "open %s: %s", file, strerror(errno));
    int rc = fsync(fd), why = errno;
    close(fd);
    return rc < 0 ? err_set(e, ERR_IO, "sync %s: %s", file, strerror(why)) : OK;
}

static enum err copy_into(struct store *s, const char *path, const char *file, struct err_text *e)
{
    enum err err = s->env ? store_error(mdb_env_copy2(s->env, path, 0), e) : store_error(MDB_PANIC, e);
    if (!err)
        err = sync_file(file, e);
    if (!err)
        err = guard_sync_directory(path, e);
    if (!err)
        err = guard_sync_parent(path, e);
    return err;
}

enum err store_copy(struct store *s, const char *directory, const char *name, struct err_text *e)
{
    char path[STORE_PATH_BYTES], file[STORE_PATH_BYTES + 16];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, "path too long: %s", directory);
    snprintf(file, sizeof file, "%s/data.mdb", path);
    enum err err = guard_make_directory(directory, e);
    if (err)
        return err;
    if (mkdir(path, 0700) < 0)
        return err_set(e, errno == EEXIST ? ERR_INVALID : ERR_IO, "create directory %s: %s", path, strerror(errno));
    err = copy_into(s, path, file, e);
    if (err) { /* half a copy must not look like one */
        unlink(file);
        rmdir(path);
    }
    return err_wrap(e, err, "copy %s to %s", s->path, path);
}

/* LMDB writes into a pipe, so that the writers of the live file, whom it keeps waiting while it copies the first two
 * pages, never wait for the disk that the copy goes to. */
struct pump {
    MDB_env *env;
    int fd, rc;
};

static void *pump_run(void *arg)
{
    struct pump *p = arg;
    p->rc = mdb_env_copyfd2(p->env, p->fd, 0);
    close(p->fd);
    return NULL;
}

/* No signal is for the pump: not SIGPIPE when the reader gives up, nor any that the process waits for. */
static int pump_start(struct pump *p, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, pump_run, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static enum err drain(int fd, store_piece_fn *fn, void *ctx, struct err_text *e)
{
    static char piece[PIECE_BYTES];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n == 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return err_set(e, ERR_IO, "read a pipe: %s", strerror(errno));
        enum err err = n > 0 ? fn(ctx, piece, (size_t)n, e) : OK;
        if (err)
            return err;
    }
}

enum err store_stream(struct store *s, store_piece_fn *fn, void *ctx, struct err_text *e)
{
    int fd[2];
    pthread_t thread;
    if (!s->env)
        return store_error(MDB_PANIC, e);
    if (pipe2(fd, O_CLOEXEC) < 0)
        return err_set(e, ERR_IO, "make a pipe: %s", strerror(errno));
    fcntl(fd[1], F_SETPIPE_SZ, PIECE_BYTES);
    struct pump pump = {.env = s->env, .fd = fd[1]};
    int rc = pump_start(&pump, &thread);
    if (rc) {
        close(fd[0]);
        close(fd[1]);
        return err_set(e, ERR_NOMEM, "start a thread: %s", strerror(rc));
    }
    enum err err = drain(fd[0], fn, ctx, e);
    close(fd[0]); /* a pump that is not done finds nobody to write to, and ends */
    pthread_join(thread, NULL);
    return err ? err : err_wrap(e, store_error(pump.rc, e), "copy %s", s->path);
}
