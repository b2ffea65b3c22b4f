#include "service/access.h"
#include "service/service.h"
#include "store/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err make_with_parents(const char *directory, struct err_text *e)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path)
        return err_set(e, ERR_TOO_LARGE, "directory %.80s… has too long a path", directory);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        enum err err = guard_make_directory(path, e);
        *slash = '/';
        if (err)
            return err;
    }
    return guard_make_directory(path, e);
}

static enum err make_private(const char *path, struct err_text *e)
{
    struct stat st;
    enum err err = guard_make_directory(path, e);
    if (err)
        return err;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ERR_IO, "%s is not a directory", path);
    if ((st.st_mode & 077) && chmod(path, 0700) != 0)
        return err_set(e, ERR_IO, "close %s to others: %s", path, strerror(errno));
    return OK;
}

enum err service_directory(const char *directory, char absolute[static 4096], struct err_text *e)
{
    char run[PATH_MAX + 8], real[PATH_MAX];
    if (!*directory)
        return err_set(e, ERR_INVALID, "the directory has no name");
    enum err err = service_may_work_in(directory, e);
    if (!err)
        err = make_with_parents(directory, e);
    if (err)
        return err;
    if (!realpath(directory, real))
        return err_set(e, ERR_IO, "find directory %s: %s", directory, strerror(errno));
    snprintf(absolute, 4096, "%s", real);
    if ((err = service_close_to_others(real, e)))
        return err;
    snprintf(run, sizeof run, "%s/run", real);
    return make_private(run, e);
}

static pid_t read_pid(int fd)
{
    char text[16] = "";
    return pread(fd, text, sizeof text - 1, 0) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* First over the old one, which needs no new block: a full disk does not keep anybody from starting. */
static enum err write_pid(int fd, const char *path, struct err_text *e)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) != 0)
        return err_set(e, ERR_IO, "write %s: %s", path, strerror(errno));
    return OK;
}

/* A lock of the open file, not of the process: it lives as long as the descriptor, and asking does not disturb it. */
static const struct flock whole_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

static void lock_path(char path[static PATH_MAX + 80], const char *directory, const char *name)
{
    snprintf(path, PATH_MAX + 80, "%s/run/%s.lock", directory, name);
}

enum err service_lock(const char *directory, const char *name, int *fd, pid_t *holder, struct err_text *e)
{
    char path[PATH_MAX + 80];
    struct flock lock = whole_file;
    enum err err;
    lock_path(path, directory, name);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
    if (fcntl(*fd, F_OFD_SETLK, &lock) == 0)
        err = write_pid(*fd, path, e);
    else if (errno == EAGAIN || errno == EACCES) {
        pid_t pid = read_pid(*fd);
        if (holder)
            *holder = pid;
        err = err_set(e, ERR_BUSY, "%s already runs in %s (pid %d)", name, directory, (int)pid);
    } else
        err = err_set(e, ERR_IO, "lock %s: %s", path, strerror(errno));
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

bool service_locked(const char *directory, const char *name, pid_t *holder)
{
    char path[PATH_MAX + 80];
    struct flock lock = whole_file;
    lock_path(path, directory, name);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool locked = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (locked && holder)
        *holder = read_pid(fd);
    close(fd);
    return locked;
}
