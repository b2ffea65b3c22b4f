#include "services/parbus/backup/replacement.h"
#include "store/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ASIDE_TRIES = 100 };

enum err replacement_find(struct replacement *p, const char *directory, const char *name, struct err_text *e)
{
    char path[PATH_MAX], file[PATH_MAX + 16];
    struct stat st;
    *p = (struct replacement){.writer_fd = -1, .open_fd = -1};
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, "the path is too long: %.80s…", directory);
    p->existed = realpath(path, p->live) != NULL;
    if (!p->existed && errno != ENOENT && errno != ENOTDIR)
        return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (!p->existed && lstat(path, &st) == 0)
        return err_set(e, ERR_INVALID, "%s is a symbolic link to nowhere", path);
    if (!p->existed)
        snprintf(p->live, sizeof p->live, "%s", path);
    if (p->existed && (stat(p->live, &st) < 0 || !S_ISDIR(st.st_mode)))
        return err_set(e, ERR_INVALID, "%s is not a directory", p->live);
    snprintf(file, sizeof file, "%s/data.mdb", p->live);
    p->full = stat(file, &st) == 0 && st.st_size > 0;
    return OK;
}

enum err replacement_lock(struct replacement *p, struct err_text *e)
{
    char file[PATH_MAX + 16];
    struct stat st;
    if (!p->existed)
        return OK;
    snprintf(file, sizeof file, "%s/writer.lock", p->live);
    enum err err = stat(file, &st) == 0 ? guard_lock(file, &p->writer_fd, e) : OK;
    return err ? err : guard_nobody(p->live, &p->open_fd, e);
}

enum err replacement_prepare(struct replacement *p, struct err_text *e)
{
    snprintf(p->fresh, sizeof p->fresh, "%s.restoring-XXXXXX", p->live);
    if (mkdtemp(p->fresh))
        return OK;
    *p->fresh = 0;
    return err_set(e, errno == ENOSPC ? ERR_FULL : ERR_IO, "make a directory beside %s: %s", p->live, strerror(errno));
}

static enum err moved(const struct replacement *p, int rc, struct err_text *e)
{
    if (rc == 0)
        return OK;
    if (errno == EBUSY || errno == EXDEV)
        return err_set(
            e, ERR_INVALID,
            "%s is where a file system is mounted, so it cannot be replaced: unmount it, or restore elsewhere",
            p->live);
    return err_set(e, ERR_IO, "replace %s: %s", p->live, strerror(errno));
}

/* One that has been moved aside is never moved over. */
static int move_aside(struct replacement *p, const char *from)
{
    char when[32];
    time_t now = time(NULL);
    struct tm utc;
    int rc = -1;
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    for (int i = 0; i < ASIDE_TRIES && rc < 0; i++) {
        snprintf(p->aside, sizeof p->aside, i ? "%s.before-%s-%d" : "%s.before-%s", p->live, when, i);
        rc = renameat2(AT_FDCWD, from, AT_FDCWD, p->aside, RENAME_NOREPLACE);
        if (rc < 0 && errno == EINVAL && access(p->aside, F_OK) < 0) /* a file system without that flag */
            rc = rename(from, p->aside);
        if (rc < 0 && errno != EEXIST)
            return rc;
    }
    return rc;
}

static enum err sync_parent(const struct replacement *p, struct err_text *e)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", p->live);
    *strrchr(parent, '/') = 0;
    return guard_sync_directory(*parent ? parent : "/", e);
}

static void remove_lock_files(const char *directory)
{
    static const char *const names[] = {"writer.lock", "namespace", "lock.mdb", "data.mdb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[REPLACEMENT_PATH_BYTES + 16];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void forget_empty(struct replacement *p)
{
    if (p->full)
        return;
    remove_lock_files(p->aside);
    *p->aside = 0;
}

enum err replacement_clear(struct replacement *p, struct err_text *e)
{
    if (!p->existed)
        return OK;
    enum err err = moved(p, move_aside(p, p->live), e);
    p->changed = !err;
    return err ? err : sync_parent(p, e);
}

/* Two steps, where the file system cannot exchange two names: for microseconds there is no live one. */
static int replace_in_two_steps(struct replacement *p)
{
    if (move_aside(p, p->live) < 0)
        return -1;
    if (rename(p->fresh, p->live) == 0)
        return 0;
    int why = errno;
    rename(p->aside, p->live);
    errno = why;
    return -1;
}

static int replace(struct replacement *p)
{
    if (renameat2(AT_FDCWD, p->fresh, AT_FDCWD, p->live, RENAME_EXCHANGE) < 0)
        return errno == EINVAL || errno == ENOSYS ? replace_in_two_steps(p) : -1;
    if (move_aside(p, p->fresh) < 0) /* it keeps the name that it has now */
        snprintf(p->aside, sizeof p->aside, "%s", p->fresh);
    return 0;
}

/* There is never a moment without a journal: an ingestor that starts then would begin a new one. */
enum err replacement_swap(struct replacement *p, struct err_text *e)
{
    enum err err = moved(p, p->existed ? replace(p) : rename(p->fresh, p->live), e);
    if (err)
        return err;
    p->changed = true;
    *p->fresh = 0;
    if (p->existed)
        forget_empty(p);
    return sync_parent(p, e);
}

void replacement_undo(struct replacement *p)
{
    if (p->changed && *p->aside && rename(p->aside, p->live) == 0)
        p->changed = false;
}

void replacement_close(struct replacement *p)
{
    if (p->writer_fd >= 0)
        close(p->writer_fd);
    if (p->open_fd >= 0)
        close(p->open_fd);
    p->writer_fd = p->open_fd = -1;
}
