#include "service/bookmark_file.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct bookmark) == 16, "size on disk");

static struct bookmark *opened;

/* A disk that fails is not the fault of the entry that meets it. */
static void blame_nobody(void)
{
    if (opened)
        bookmark_clear(opened);
}

/* Written, not only made longer: a hole has no block, and a store into it on a full disk would end the process. */
static enum err make_whole(int fd, const char *path, struct err_text *e)
{
    static const struct bookmark none;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set(e, ERR_IO, "look at %s: %s", path, strerror(errno));
    if (st.st_size == sizeof none)
        return OK;
    if (ftruncate(fd, 0) != 0 || pwrite(fd, (const void *)&none, sizeof none, 0) != sizeof none)
        return err_set(e, ERR_IO, "write %s: %s", path, strerror(errno));
    return OK;
}

static enum err map(struct bookmark **bookmark, int fd, const char *path, struct err_text *e)
{
    enum err err = make_whole(fd, path, e);
    if (err)
        return err;
    void *at = mmap(NULL, sizeof **bookmark, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return err_set(e, ERR_IO, "map %s: %s", path, strerror(errno));
    *bookmark = at;
    return OK;
}

enum err bookmark_open(struct bookmark **bookmark, struct bookmark *before, const char *directory, const char *instance,
                       struct err_text *e)
{
    char path[PATH_MAX + 80];
    *bookmark = NULL;
    before->pseq = before->partition = 0;
    snprintf(path, sizeof path, "%s/run/%s.bookmark", directory, instance);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
    enum err err = map(bookmark, fd, path, e);
    close(fd);
    if (err)
        return err;
    ASSERT(*bookmark);
    before->pseq = (*bookmark)->pseq;
    before->partition = (*bookmark)->partition;
    bookmark_clear(*bookmark);
    opened = *bookmark;
    store_before_end(blame_nobody);
    return OK;
}

void bookmark_close(struct bookmark **bookmark)
{
    if (*bookmark == opened)
        opened = NULL;
    if (*bookmark)
        munmap(*bookmark, sizeof **bookmark);
    *bookmark = NULL;
}
