#include "store/guard.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static size_t map_rest(struct store *s)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (!s->env || mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &stat))
        return 0;
    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    return info.me_mapsize > used ? info.me_mapsize - used : 0;
}

size_t store_bytes_free(struct store *s)
{
    struct statvfs fs;
    size_t map = map_rest(s);
    if (statvfs(s->path, &fs) < 0)
        return map;
    size_t disk = (size_t)fs.f_bavail * fs.f_frsize;
    return map < disk ? map : disk;
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
    enum err code = s->env ? store_error(mdb_env_copy2(s->env, path, 0), e) : store_error(MDB_PANIC, e);
    if (!code)
        code = sync_file(file, e);
    if (!code)
        code = guard_sync_directory(path, e);
    if (!code)
        code = guard_sync_parent(path, e);
    return code;
}

enum err store_copy(struct store *s, const char *directory, const char *name, struct err_text *e)
{
    char path[STORE_PATH_BYTES], file[STORE_PATH_BYTES + 16];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, "path too long: %s", directory);
    snprintf(file, sizeof file, "%s/data.mdb", path);
    enum err code = guard_make_directory(directory, e);
    if (code)
        return code;
    if (mkdir(path, 0700) < 0)
        return err_set(e, errno == EEXIST ? ERR_INVALID : ERR_IO, "create directory %s: %s", path, strerror(errno));
    code = copy_into(s, path, file, e);
    if (code) { /* half a copy must not look like one */
        unlink(file);
        rmdir(path);
    }
    return err_wrap(e, code, "copy %s to %s", s->path, path);
}
