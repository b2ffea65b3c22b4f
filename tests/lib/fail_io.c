/* LD_PRELOAD: a disk that fails when a test says so. While the file named by $FAIL_IO_SWITCH exists, writing and
 * syncing of files called data.mdb in the directory $FAIL_IO_UNDER fails with the error number in that file; when it
 * says "hang", syncing does not come back. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HANGS = -1, LOOK_AGAIN_MS = 5 };

/* 0: it works. */
static int failure(int fd)
{
    const char *under = getenv("FAIL_IO_UNDER"), *by = getenv("FAIL_IO_SWITCH");
    char link[64], path[4096], wanted[4096], number[16] = "";
    int flag = under && by ? (int)syscall(SYS_openat, AT_FDCWD, by, O_RDONLY | O_CLOEXEC) : -1;
    if (flag < 0)
        return 0;
    ssize_t n = syscall(SYS_read, flag, number, sizeof number - 1);
    syscall(SYS_close, flag);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    snprintf(wanted, sizeof wanted, "%s/data.mdb", under);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (n <= 0 || strcmp(path, wanted) != 0)
        return 0;
    return strcmp(number, "hang") == 0 ? HANGS : atoi(number);
}

static int fails(int fd)
{
    int why = failure(fd);
    if (why == HANGS)
        return 0;
    errno = why ? why : errno;
    return why;
}

static void *next(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    if (!f)
        abort();
    return f;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = (ssize_t(*)(int, const void *, size_t, off_t))next("pwrite");
    return fails(fd) ? -1 : real(fd, data, bytes, at);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t at) { return pwrite(fd, data, bytes, at); }

ssize_t writev(int fd, const struct iovec *piece, int count)
{
    ssize_t (*real)(int, const struct iovec *, int) = (ssize_t(*)(int, const struct iovec *, int))next("writev");
    return fails(fd) ? -1 : real(fd, piece, count);
}

ssize_t pwritev(int fd, const struct iovec *piece, int count, off_t at)
{
    ssize_t (*real)(int, const struct iovec *, int, off_t) =
        (ssize_t(*)(int, const struct iovec *, int, off_t))next("pwritev");
    return fails(fd) ? -1 : real(fd, piece, count, at);
}

static void hang(int fd)
{
    while (failure(fd) == HANGS)
        poll(NULL, 0, LOOK_AGAIN_MS);
}

int fdatasync(int fd)
{
    int (*real)(int) = (int (*)(int))next("fdatasync");
    hang(fd);
    return fails(fd) ? -1 : real(fd);
}

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))next("fsync");
    return fails(fd) ? -1 : real(fd);
}
