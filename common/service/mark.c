#include "service/mark.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct work_mark) == 16, "size on disk");

static struct work_mark *opened;

/* A disk that fails is not the fault of the entry that meets it. */
static void blame_nobody(void)
{
    if (opened)
        mark_none(opened);
}

/* Written, not only made longer: a hole has no block, and a store into it on a full disk would end the process. */
static enum err make_whole(int fd, const char *path, struct err_text *e)
{
    static const struct work_mark none;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set(e, ERR_IO, "look at %s: %s", path, strerror(errno));
    if (st.st_size == sizeof none)
        return OK;
    if (ftruncate(fd, 0) != 0 || pwrite(fd, (const void *)&none, sizeof none, 0) != sizeof none)
        return err_set(e, ERR_IO, "write %s: %s", path, strerror(errno));
    return OK;
}

static enum err map(struct work_mark **mark, int fd, const char *path, struct err_text *e)
{
    enum err err = make_whole(fd, path, e);
    if (err)
        return err;
    void *at = mmap(NULL, sizeof **mark, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return err_set(e, ERR_IO, "map %s: %s", path, strerror(errno));
    *mark = at;
    return OK;
}

enum err mark_open(struct work_mark **mark, struct work_mark *before, const char *directory, const char *instance,
                   struct err_text *e)
{
    char path[PATH_MAX + 80];
    *mark = NULL;
    before->pseq = before->partition = 0;
    snprintf(path, sizeof path, "%s/run/%s.mark", directory, instance);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
    enum err err = map(mark, fd, path, e);
    close(fd);
    if (err)
        return err;
    before->pseq = (*mark)->pseq;
    before->partition = (*mark)->partition;
    mark_none(*mark);
    opened = *mark;
    store_before_end(blame_nobody);
    return OK;
}

void mark_close(struct work_mark **mark)
{
    if (*mark == opened)
        opened = NULL;
    if (*mark)
        munmap(*mark, sizeof **mark);
    *mark = NULL;
}
