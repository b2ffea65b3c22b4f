#include "client/outbox_file.h"
#include "base/crc32c.h"
#include "store/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC = 0x31514250, ALIGNMENT = 8, WINDOW_BYTES = 256 << 10, BODY_BYTES_MAX = 2 << 20 };

/* ---- records ---- */

static size_t padded(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

size_t outbox_record_bytes(const struct outbox_record *r) { return sizeof *r + padded(r->bytes); }

uint8_t *outbox_record_add(struct buffer *b, enum outbox_record_kind kind, uint64_t seq, size_t bytes)
{
    struct outbox_record r = {.magic = MAGIC, .kind = (uint8_t)kind, .seq = seq, .bytes = (uint32_t)bytes};
    uint8_t *at = buffer_grow(b, outbox_record_bytes(&r));
    memset(at, 0, outbox_record_bytes(&r));
    memcpy(at, &r, sizeof r);
    return at + sizeof r;
}

static uint32_t sum_of(const struct outbox_record *r) { return crc32c(0, r, offsetof(struct outbox_record, crc)); }

void outbox_record_seal(struct outbox_record *r, uint64_t generation, uint64_t digest)
{
    r->generation = generation;
    r->digest = digest;
    r->body_crc = crc32c(0, r + 1, padded(r->bytes));
    r->crc = sum_of(r);
}

static bool sound(const struct outbox_record *r)
{
    return r->magic == MAGIC && sum_of(r) == r->crc && r->bytes <= BODY_BYTES_MAX;
}

bool outbox_record_sound(const struct outbox_record *r, enum outbox_record_kind kind, size_t bytes)
{
    return sound(r) && r->kind == kind && r->bytes == bytes && crc32c(0, r + 1, padded(bytes)) == r->body_crc;
}

/* ---- the file ---- */

enum err outbox_file_write(struct outbox_file *f, uint64_t at, const void *data, size_t bytes, size_t *written,
                           struct err_text *e)
{
    *written = 0;
    f->window.size = 0;
    while (*written < bytes) {
        ssize_t n = pwrite(f->fd, (const uint8_t *)data + *written, bytes - *written, (off_t)(at + *written));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, n == 0 || errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO, "write %s: %s", f->path,
                           strerror(n == 0 ? ENOSPC : errno));
        *written += (size_t)n;
    }
    return OK;
}

static enum err reserve(struct outbox_file *f, struct err_text *e)
{
    static const uint8_t nothing[OUTBOX_RESERVE_BYTES];
    size_t written;
    off_t size = lseek(f->fd, 0, SEEK_END);
    f->found = size < 0 ? 0 : (uint64_t)size;
    if (size < 0 || size >= OUTBOX_RESERVE_BYTES)
        return size < 0 ? err_set(e, ERR_IO, "%s: %s", f->path, strerror(errno)) : OK;
    return outbox_file_write(f, (uint64_t)size, nothing, sizeof nothing - (size_t)size, &written, e);
}

enum err outbox_file_open(struct outbox_file *f, const char *directory, int which, struct err_text *e)
{
    *f = (struct outbox_file){.fd = -1};
    int n = snprintf(f->path, sizeof f->path, "%s/queue.%d", directory, which);
    if (n < 0 || n >= (int)sizeof f->path)
        return err_set(e, ERR_TOO_LARGE, "the path is too long");
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->fd < 0)
        return err_set(e, errno == ENOSPC ? ERR_FULL : ERR_IO, "open %s: %s", f->path, strerror(errno));
    return reserve(f, e);
}

void outbox_file_close(struct outbox_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    buffer_free(&f->window);
}

static bool in_window(const struct outbox_file *f, uint64_t at, size_t bytes)
{
    return at >= f->window_at && at + bytes <= f->window_at + f->window.size;
}

static void read_window(struct outbox_file *f, uint64_t at, size_t bytes)
{
    size_t wanted = bytes > WINDOW_BYTES ? bytes : WINDOW_BYTES, got = 0;
    buffer_clear(&f->window);
    uint8_t *to = buffer_grow(&f->window, wanted);
    for (ssize_t n = 1; n > 0 && got<wanted; got += n> 0 ? (size_t)n : 0)
        n = pread(f->fd, to + got, wanted - got, (off_t)(at + got));
    f->window.size = got;
    f->window_at = at;
}

const uint8_t *outbox_file_peek(struct outbox_file *f, uint64_t at, size_t *bytes)
{
    if (!in_window(f, at, *bytes))
        read_window(f, at, *bytes);
    size_t there = f->window.size - (size_t)(at - f->window_at);
    if (*bytes > there)
        *bytes = there;
    return f->window.data + (at - f->window_at);
}

static bool record_at(struct outbox_file *f, uint64_t at, struct outbox_record *r)
{
    size_t bytes = sizeof *r;
    const uint8_t *data = outbox_file_peek(f, at, &bytes);
    if (bytes < sizeof *r)
        return false;
    memcpy(r, data, sizeof *r);
    return true;
}

bool outbox_file_next(struct outbox_file *f, uint64_t *at, struct outbox_record *r)
{
    for (uint64_t i = *at; i < f->end && record_at(f, i, r); i += ALIGNMENT)
        if (sound(r) && r->generation == f->generation) {
            *at = i;
            return true;
        }
    return false;
}

const uint8_t *outbox_file_body(struct outbox_file *f, uint64_t at, const struct outbox_record *r)
{
    size_t bytes = padded(r->bytes), wanted = bytes;
    const uint8_t *body = outbox_file_peek(f, at + sizeof *r, &bytes);
    return bytes == wanted && crc32c(0, body, bytes) == r->body_crc ? body : NULL;
}

static bool head_at(struct outbox_file *f, uint64_t at, struct outbox_record *r, struct outbox_head *head)
{
    const uint8_t *body;
    if (!record_at(f, at, r) || !sound(r) || r->kind != OUTBOX_HEAD || r->bytes != sizeof *head ||
        !(body = outbox_file_body(f, at, r)))
        return false;
    memcpy(head, body, sizeof *head);
    return true;
}

enum err outbox_file_head(struct outbox_file *f, struct outbox_record *r, struct outbox_head *head, struct err_text *e)
{
    off_t end = lseek(f->fd, 0, SEEK_END);
    if (end < 0)
        return err_set(e, ERR_IO, "%s: %s", f->path, strerror(errno));
    f->end = (uint64_t)end;
    if (!head_at(f, 0, r, head) && !head_at(f, OUTBOX_HEADS_BYTES / 2, r, head))
        return err_set(e, ERR_NOT_FOUND, "%s has no head", f->path);
    f->generation = r->generation;
    return OK;
}

enum err outbox_file_sync(struct outbox_file *f, struct err_text *e)
{
    if (fdatasync(f->fd) == 0)
        return OK;
    return err_set(e, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO, "sync %s: %s", f->path, strerror(errno));
}

void outbox_file_empty(struct outbox_file *f)
{
    f->generation = f->end = 0;
    f->window.size = 0;
    (void)!ftruncate(f->fd,
                     OUTBOX_RESERVE_BYTES); /* only the space is wanted back: its generation is the smaller one */
}
