#include "services/parbus/push/push.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct push_file {
    int fd;      /* -1: it could not be opened, which was told */
    int copy_fd; /* of what comes through a pipe and is read twice; -1: none */
};

static void tell_fault(struct push_input *in, int file, int error)
{
    push_report_fault(in->report, file, 0, strerror(error));
}

/* An unnamed file. */
static int make_copy(void)
{
    FILE *file = tmpfile();
    int fd = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
    if (file)
        fclose(file);
    return fd;
}

static void open_one(struct push_input *in, int number)
{
    const char *name = in->options->file[number];
    struct push_file *file = &in->of[number];
    struct stat st;
    *file = (struct push_file){.copy_fd = -1};
    file->fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
    bool regular = file->fd >= 0 && fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode);
    if (file->fd < 0)
        tell_fault(in, number, errno);
    else if (regular)
        in->report->bytes_total += (uint64_t)st.st_size;
    else if (in->options->strict && (file->copy_fd = make_copy()) < 0)
        tell_fault(in, number, errno);
}

void push_input_open(struct push_input *in)
{
    in->of = calloc((size_t)in->options->file_count, sizeof *in->of);
    ASSERT(in->of);
    for (in->opened = 0; in->opened < in->options->file_count; in->opened++)
        open_one(in, in->opened);
    push_input_rewind(in);
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void push_input_close(struct push_input *in)
{
    for (int i = 0; i < in->opened; i++) {
        close_one(&in->of[i].fd);
        close_one(&in->of[i].copy_fd);
    }
    free(in->of);
    in->of = NULL;
    in->opened = 0;
}

void push_input_rewind(struct push_input *in) { in->file = -1; }

/* Once it is whole, the copy of what came through a pipe is what is read. */
static void end_copy(struct push_file *file)
{
    if (file->copy_fd < 0)
        return;
    close_one(&file->fd);
    file->fd = file->copy_fd;
    file->copy_fd = -1;
}

bool push_input_next(struct push_input *in)
{
    while (++in->file < in->opened && in->of[in->file].fd < 0)
        continue;
    in->at = in->size = 0;
    in->ended = in->failed = false;
    in->waits = true;
    if (in->file < in->opened)
        lseek(in->of[in->file].fd, 0, SEEK_SET);
    return in->file < in->opened;
}

static bool readable(const struct push_input *in)
{
    struct pollfd fd = {.fd = in->of[in->file].fd, .events = POLLIN};
    return !in->waits || poll(&fd, 1, 0) != 0;
}

static void fail(struct push_input *in)
{
    tell_fault(in, in->file, errno);
    in->ended = in->failed = true;
}

static void take(struct push_input *in, size_t bytes)
{
    struct push_file *file = &in->of[in->file];
    in->at = 0;
    in->size = bytes;
    in->report->bytes_read += bytes;
    in->ended = bytes == 0;
    if (in->ended)
        end_copy(file);
    else if (file->copy_fd >= 0 && write(file->copy_fd, in->data, bytes) != (ssize_t)bytes)
        fail(in);
}

enum err push_input_fill(struct push_input *in)
{
    if (!readable(in))
        return ERR_BUSY;
    ssize_t n = read(in->of[in->file].fd, in->data, sizeof in->data);
    if (n >= 0)
        take(in, (size_t)n);
    else if (errno != EINTR && errno != EAGAIN)
        fail(in);
    return OK;
}

int push_input_fd(const struct push_input *in) { return in->of[in->file].fd; }
