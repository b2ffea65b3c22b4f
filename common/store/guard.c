#include "store/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const struct {
    unsigned long type;
    const char *name;
} unsupported[] = {
    {0x6969, "NFS"},        {0x01021997, "9p"},     {0x65735546, "FUSE"}, {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},   {0x517b, "SMB"},        {0x00c36400, "Ceph"}, {0x5346414f, "AFS"},
    {0x6b414653, "kAFS"},   {0x73757245, "Coda"},   {0x564c, "NCP"},      {0x786f4256, "vboxsf"},
    {0xbacbacbc, "vmhgfs"}, {0x0bd00bd0, "Lustre"}, {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"},
};

const char *guard_fs_unsupported(unsigned long type)
{
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        if (unsupported[i].type == (type & 0xffffffff))
            return unsupported[i].name;
    return NULL;
}

enum err guard_file_system(const char *path, struct err_text *e)
{
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return err_set(e, ERR_IO, "file system of %s: %s", path, strerror(errno));
    const char *name = guard_fs_unsupported((unsigned long)fs.f_type);
    if (!name)
        return OK;
    return err_set(e, ERR_INVALID,
                   "%s is on a %s file system, where LMDB may lose or damage data; use a local disk, or set "
                   "network_fs_allowed=1 at your own risk",
                   path, name);
}

/* 0: the system does not say; then nothing is compared. */
static unsigned long own_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (unsigned long)st.st_ino : 0;
}

static int lock_file(int fd, int how)
{
    int rc;
    while ((rc = flock(fd, how)) < 0 && errno == EINTR)
        ;
    return rc;
}

/* Of one width always: writing over it needs no new block, so a full disk does not keep readers out. */
static bool write_number(int fd, unsigned long number)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%-20lu\n", number);
    return pwrite(fd, text, (size_t)n, 0) == n;
}

static unsigned long read_number(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return strtoul(text, NULL, 10);
}

static enum err open_lock_file(const char *file, int *fd, struct err_text *e)
{
    *fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return *fd < 0 ? err_set(e, ERR_IO, "open %s: %s", file, strerror(errno)) : OK;
}

static enum err leave(int *fd, enum err err)
{
    close(*fd);
    *fd = -1;
    return err;
}

/* Whoever finds nobody else writes its own namespace. Turning the exclusive lock into a shared one is not atomic, so
 * what holds is read again after that: of two that raced, both read the same. */
enum err guard_pid_namespace(const char *path, int *fd, struct err_text *e)
{
    char file[4200];
    snprintf(file, sizeof file, "%s/namespace", path);
    enum err err = open_lock_file(file, fd, e);
    if (err)
        return err;
    unsigned long own = own_namespace();
    if (lock_file(*fd, LOCK_EX | LOCK_NB) == 0 && !write_number(*fd, own))
        return leave(fd, err_set(e, errno == ENOSPC ? ERR_FULL : ERR_IO, "write %s: %s", file, strerror(errno)));
    if (lock_file(*fd, LOCK_SH) < 0)
        return leave(fd, err_set(e, ERR_IO, "lock %s: %s", file, strerror(errno)));
    unsigned long theirs = read_number(*fd);
    if (own && theirs && own != theirs)
        return leave(fd, err_set(e, ERR_INVALID,
                                 "%s is open in another PID namespace (%lu, this process is in %lu); containers that "
                                 "share it must share one PID namespace (pid: \"service:…\")",
                                 path, theirs, own));
    return OK;
}

enum err guard_nobody(const char *path, int *fd, struct err_text *e)
{
    char file[4200];
    snprintf(file, sizeof file, "%s/namespace", path);
    *fd = open(file, O_RDWR | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? OK : err_set(e, ERR_IO, "open %s: %s", file, strerror(errno));
    if (lock_file(*fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    if (errno != EWOULDBLOCK)
        return leave(fd, err_set(e, ERR_IO, "lock %s: %s", file, strerror(errno)));
    return leave(fd, err_set(e, ERR_BUSY, "a process has %s open", path));
}

enum err guard_lock(const char *file, int *fd, struct err_text *e)
{
    enum err err = open_lock_file(file, fd, e);
    if (err)
        return err;
    if (lock_file(*fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return leave(fd, err_set(e, ERR_IO, "lock %s: %s", file, strerror(errno)));
        return leave(fd, err_set(e, ERR_BUSY, "process %lu is the writer (it holds %s)", read_number(*fd), file));
    }
    /* The number is for people only; without it the lock holds all the same. */
    (void)write_number(*fd, (unsigned long)getpid());
    return OK;
}

enum err guard_sync_directory(const char *path, struct err_text *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
    int rc = fsync(fd), why = errno;
    close(fd);
    return rc < 0 && why != EINVAL ? err_set(e, ERR_IO, "sync %s: %s", path, strerror(why)) : OK;
}

enum err guard_sync_parent(const char *path, struct err_text *e)
{
    char parent[4200];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    return guard_sync_directory(slash ? parent : ".", e);
}

enum err guard_make_directory(const char *path, struct err_text *e)
{
    if (mkdir(path, 0700) < 0)
        return errno == EEXIST ? OK : err_set(e, ERR_IO, "create directory %s: %s", path, strerror(errno));
    return guard_sync_parent(path, e);
}
