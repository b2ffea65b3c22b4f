/* Between the programs and the disk, with LD_PRELOAD: writes down what a power cut could take back, for lose.py.
 *
 * Seen are the files named data.mdb* and queue.* and the names made below $POWERCUT_ROOT. Before each write its old
 * bytes go to the log, and after it a mark; so do the begin and the end of each sync. A log's entry is one append, so
 * the entries of all processes stand in one order. A call that is not modelled is logged too, and fails the test.
 *
 * $POWERCUT_CONTROL counts these calls down in all processes, or in those of one program; where the count ends,
 * that process stops for ever, and every other one does at its next call: then they are killed.
 *
 * No state but this, no locks, no memory from malloc: it also runs between fork and exec, and under AddressSanitizer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096 };
enum kind { WRITE = 1, NAME, LINK, SYNC, DONE, DONE_SYNCED, UNKNOWN };

struct entry { /* then the path, then the old bytes */
    uint32_t kind, path_bytes;
    uint64_t call, offset, bytes, length_before, old_bytes;
};
_Static_assert(sizeof(struct entry) == 48, "lose.py reads it");

struct control {
    _Atomic uint32_t cut;
    uint32_t zero;
    _Atomic int64_t left; /* 0: no count runs */
    char program[32];     /* empty: any */
};

static struct control *control;
static const char *root;
static size_t root_bytes;
static int log_fd = -1;
static _Atomic uint32_t calls;

__attribute__((constructor)) static void start(void)
{
    const char *log = getenv("POWERCUT_LOG"), *file = getenv("POWERCUT_CONTROL"), *top = getenv("POWERCUT_ROOT");
    if (!log || !file || !top)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (map == MAP_FAILED || log_fd < 0)
        abort();
    root_bytes = strlen(top);
    root = top;
    control = map;
}

/* ---- the cut ---- */

static void stop_when_cut(void)
{
    while (atomic_load(&control->cut))
        syscall(SYS_pause);
}

static void count(void)
{
    stop_when_cut();
    if (atomic_load(&control->left) <= 0 ||
        (*control->program && strcmp(control->program, program_invocation_short_name) != 0))
        return;
    if (atomic_fetch_sub(&control->left, 1) == 1)
        atomic_store(&control->cut, 1);
    stop_when_cut();
}

/* ---- the log ---- */

static bool below_root(const char *path)
{
    return control && strncmp(path, root, root_bytes) == 0 && (path[root_bytes] == '/' || path[root_bytes] == 0);
}

static bool of_interest(const char *path)
{
    const char *name = strrchr(path, '/');
    return below_root(path) && name && (strncmp(name, "/data.mdb", 9) == 0 || strncmp(name, "/queue.", 7) == 0);
}

static void path_of(int fd, char path[static PATH_MAX])
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = 0;
}

/* Whether fd is a file that is watched; most are not even files. */
static bool watched(int fd, char path[static PATH_MAX])
{
    struct stat st;
    if (!control || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    path_of(fd, path);
    return of_interest(path);
}

static uint32_t path_bytes(enum kind kind, const char *path)
{
    uint32_t first = (uint32_t)strlen(path);
    return kind == LINK ? first + 1 + (uint32_t)strlen(path + first + 1) : first;
}

static void append(const struct entry *e, const char *path, const void *old)
{
    struct iovec part[] = {{(void *)(uintptr_t)e, sizeof *e},
                           {(void *)(uintptr_t)path, e->path_bytes},
                           {(void *)(uintptr_t)old, e->old_bytes}};
    ssize_t all = (ssize_t)(sizeof *e + e->path_bytes + e->old_bytes);
    if (syscall(SYS_writev, log_fd, part, 3) != all)
        abort();
}

static uint64_t new_call(void) { return (uint64_t)getpid() << 32 | atomic_fetch_add(&calls, 1); }

static uint64_t note(enum kind kind, const char *path)
{
    struct entry e = {.kind = kind, .call = new_call(), .path_bytes = path_bytes(kind, path)};
    append(&e, path, NULL);
    count();
    return e.call;
}

static long done(uint64_t call, enum kind kind, long result)
{
    int why = errno;
    count();
    struct entry e = {.kind = kind, .call = call};
    if (result >= 0)
        append(&e, "", NULL);
    errno = why;
    return result;
}

/* The old bytes, read through another descriptor: LMDB's may be for writing only. */
static uint64_t note_write(const char *path, uint64_t offset, uint64_t bytes)
{
    struct entry e = {
        .kind = WRITE, .path_bytes = path_bytes(WRITE, path), .call = new_call(), .offset = offset, .bytes = bytes};
    struct stat st;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        abort();
    e.length_before = (uint64_t)st.st_size;
    uint64_t end = offset + bytes < e.length_before ? offset + bytes : e.length_before;
    e.old_bytes = end > offset ? end - offset : 0;
    void *old = NULL;
    if (e.old_bytes) {
        old = (void *)syscall(SYS_mmap, NULL, e.old_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (old == MAP_FAILED || syscall(SYS_pread64, fd, old, e.old_bytes, offset) != (ssize_t)e.old_bytes)
            abort();
    }
    append(&e, path, old);
    if (old)
        syscall(SYS_munmap, old, e.old_bytes);
    syscall(SYS_close, fd);
    count();
    return e.call;
}

static enum kind done_kind(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_DSYNC) ? DONE_SYNCED : DONE;
}

static void unknown(int fd, const char *what)
{
    char path[PATH_MAX];
    if (!watched(fd, path))
        return;
    snprintf(path + strlen(path), sizeof path - strlen(path), ": %s", what);
    note(UNKNOWN, path);
}

/* ---- writes ---- */

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    char path[PATH_MAX];
    if (!watched(fd, path))
        return syscall(SYS_pwrite64, fd, data, bytes, offset);
    uint64_t call = note_write(path, (uint64_t)offset, bytes);
    return done(call, done_kind(fd), syscall(SYS_pwrite64, fd, data, bytes, offset));
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) { return pwrite(fd, data, bytes, offset); }

ssize_t writev(int fd, const struct iovec *part, int count_of)
{
    char path[PATH_MAX];
    if (!watched(fd, path))
        return syscall(SYS_writev, fd, part, count_of);
    uint64_t bytes = 0;
    for (int i = 0; i < count_of; i++)
        bytes += part[i].iov_len;
    uint64_t call = note_write(path, (uint64_t)lseek(fd, 0, SEEK_CUR), bytes);
    return done(call, done_kind(fd), syscall(SYS_writev, fd, part, count_of));
}

/* ---- syncs, of files and of directories ---- */

static int sync_by(long number, int fd)
{
    char path[PATH_MAX];
    struct stat st;
    bool seen = control && fstat(fd, &st) == 0 && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
    if (seen)
        path_of(fd, path);
    seen = seen && (S_ISDIR(st.st_mode) ? below_root(path) : of_interest(path));
    if (!seen)
        return (int)syscall(number, fd);
    uint64_t call = note(SYNC, path);
    return (int)done(call, DONE_SYNCED, syscall(number, fd));
}

int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }
int fsync(int fd) { return sync_by(SYS_fsync, fd); }

/* ---- names ---- */

static bool makes_name(const char *path) { return path[0] == '/' && below_root(path) && access(path, F_OK) != 0; }

static int open_by(int at, const char *path, int flags, mode_t mode)
{
    if (!(flags & O_CREAT) || !control || !makes_name(path))
        return (int)syscall(SYS_openat, at, path, flags, mode);
    uint64_t call = note(NAME, path);
    return (int)done(call, DONE, syscall(SYS_openat, at, path, flags, mode));
}

static mode_t mode_of(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_by(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_by(AT_FDCWD, path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    if (!makes_name(path))
        return (int)syscall(SYS_mkdir, path, mode);
    uint64_t call = note(NAME, path);
    return (int)done(call, DONE, syscall(SYS_mkdir, path, mode));
}

int link(const char *from, const char *to)
{
    char both[2 * PATH_MAX];
    if (!of_interest(from) && !of_interest(to))
        return (int)syscall(SYS_link, from, to);
    snprintf(both, sizeof both, "%s%c%s", from, 0, to);
    uint64_t call = note(LINK, both);
    return (int)done(call, DONE, syscall(SYS_link, from, to));
}

/* ---- what nobody does to these files ---- */

ssize_t write(int fd, const void *data, size_t bytes)
{
    unknown(fd, "write");
    return syscall(SYS_write, fd, data, bytes);
}

ssize_t pwritev(int fd, const struct iovec *part, int count_of, off_t offset)
{
    unknown(fd, "pwritev");
    return syscall(SYS_pwritev, fd, part, count_of, offset, 0);
}

/* A queue that is emptied but for its first page holds nothing that counts any more: it does not matter whether it
 * stays as it was. */
int ftruncate(int fd, off_t length)
{
    if (length != PAGE_BYTES)
        unknown(fd, "ftruncate");
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int rename(const char *from, const char *to)
{
    if (of_interest(from) || of_interest(to))
        note(UNKNOWN, to);
    return (int)syscall(SYS_rename, from, to);
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if ((protection & PROT_WRITE) && (flags & MAP_SHARED) && !(flags & MAP_ANONYMOUS))
        unknown(fd, "mmap for writing");
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, bytes, protection, flags, fd, offset);
}
