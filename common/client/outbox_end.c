#include "client/outbox_end.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int outbox_end_open(const char *directory)
{
    char path[4096 + 8];
    snprintf(path, sizeof path, "%s/end", directory);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

void outbox_end_read(int fd, struct outbox_known *known)
{
    struct {
        struct outbox_record record;
        struct outbox_known known;
    } at;
    _Static_assert(sizeof at == sizeof at.record + sizeof at.known, "no padding");
    bool there = fd >= 0 && pread(fd, &at, sizeof at, 0) == (ssize_t)sizeof at &&
                 outbox_record_sound(&at.record, OUTBOX_END, sizeof at.known);
    *known = there ? at.known : (struct outbox_known){0};
}

void outbox_end_write(int fd, const struct outbox_known *known)
{
    struct buffer b = {0};
    memcpy(outbox_record_add(&b, OUTBOX_END, known->last, sizeof *known), known, sizeof *known);
    outbox_record_seal((struct outbox_record *)(void *)b.data, known->generation, 0);
    if (fd >= 0 && pwrite(fd, b.data, b.size, 0) != (ssize_t)b.size)
        (void)!ftruncate(fd, 0); /* half of it is nothing */
    buffer_free(&b);
}
