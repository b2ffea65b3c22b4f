#include "services/parbus/backup/backup.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

const char *const backup_names[BACKUP_FILES] = {[BACKUP_MANIFEST] = "MANIFEST",
                                                [BACKUP_JOURNAL] = "journal/data.mdb",
                                                [BACKUP_STATE] = "state/data.mdb",
                                                [BACKUP_CONF] = "parbus.conf"};

void backup_path(char path[static BACKUP_PATH_BYTES], const char *directory, enum backup_file file)
{
    snprintf(path, BACKUP_PATH_BYTES, "%s/%s", directory, backup_names[file]);
}

static enum err trouble(const char *what, const char *path, int why, struct err_text *e)
{
    enum err err = why == ENOSPC || why == EDQUOT || why == EFBIG ? ERR_FULL : ERR_IO;
    return err_set(e, err, "%s %s: %s", what, path, strerror(why));
}

enum err backup_create(struct backup_out *out, const char *path, struct backup_sum *sum, struct meter *meter,
                       struct err_text *e)
{
    *out = (struct backup_out){.path = path, .sum = sum, .meter = meter};
    *sum = (struct backup_sum){.there = true};
    out->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out->fd < 0)
        return trouble("create", path, errno, e);
    out->sha = malloc(sizeof(crypto_hash_sha256_state));
    ASSERT(out->sha);
    crypto_hash_sha256_init(out->sha);
    return OK;
}

static enum err write_all(const struct backup_out *out, const char *data, size_t bytes, struct err_text *e)
{
    while (bytes) {
        ssize_t n = write(out->fd, data, bytes);
        if (n < 0 && errno != EINTR)
            return trouble("write", out->path, errno, e);
        data += n > 0 ? n : 0;
        bytes -= n > 0 ? (size_t)n : 0;
    }
    return OK;
}

enum err backup_write(void *ctx, const void *data, size_t bytes, struct err_text *e)
{
    struct backup_out *out = ctx;
    enum err err = backup_go_on(e);
    if (!err && out->enough && !out->enough(out->ctx, e))
        err = ERR_FULL;
    if (!err)
        err = write_all(out, data, bytes, e);
    if (err)
        return err;
    crypto_hash_sha256_update(out->sha, data, bytes);
    out->sum->bytes += bytes;
    if (out->meter)
        meter_add(out->meter, bytes);
    return OK;
}

static void finish_sum(crypto_hash_sha256_state *sha, struct backup_sum *sum)
{
    unsigned char raw[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(sha, raw);
    sodium_bin2hex(sum->hex, sizeof sum->hex, raw, sizeof raw);
}

enum err backup_finish(struct backup_out *out, enum err err, struct err_text *e)
{
    if (out->fd < 0)
        return err;
    if (!err && fsync(out->fd) < 0)
        err = trouble("sync", out->path, errno, e);
    if (close(out->fd) < 0 && !err)
        err = trouble("close", out->path, errno, e);
    out->fd = -1;
    finish_sum(out->sha, out->sum);
    free(out->sha);
    out->sha = NULL;
    return err;
}

static enum err open_plain(const char *path, int *fd, struct err_text *e)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0)
        return errno == ENOENT  ? err_set(e, ERR_NOT_FOUND, "%s is missing", path)
               : errno == ELOOP ? err_set(e, ERR_INVALID, "%s is a symbolic link, not a plain file", path)
                                : trouble("open", path, errno, e);
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
        return OK;
    close(*fd);
    return err_set(e, ERR_INVALID, "%s is not a plain file", path);
}

struct reading {
    crypto_hash_sha256_state sha;
    struct backup_out *copy; /* NULL: only the sum is wanted */
    struct backup_sum *sum;
    struct meter *meter;
};

static enum err take_piece(struct reading *r, const void *data, size_t bytes, struct err_text *e)
{
    enum err err = backup_go_on(e);
    if (!err && r->copy)
        err = backup_write(r->copy, data, bytes, e);
    crypto_hash_sha256_update(&r->sha, data, bytes);
    r->sum->bytes += bytes;
    if (r->meter)
        meter_add(r->meter, bytes);
    return err;
}

static enum err read_pieces(struct reading *r, int fd, const char *path, struct err_text *e)
{
    static char piece[PIECE_BYTES];
    enum err err = OK;
    while (!err) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return trouble("read", path, errno, e);
        err = n > 0 ? take_piece(r, piece, (size_t)n, e) : OK;
    }
    return err;
}

enum err backup_read(const char *from, const char *to, struct backup_sum *sum, struct meter *meter, struct err_text *e)
{
    int fd;
    struct backup_out copy = {.fd = -1};
    struct backup_sum copied;
    struct reading r = {.copy = to ? &copy : NULL, .sum = sum, .meter = meter};
    *sum = (struct backup_sum){.there = true};
    crypto_hash_sha256_init(&r.sha);
    enum err err = open_plain(from, &fd, e);
    if (err)
        return err;
    if (to)
        err = backup_create(&copy, to, &copied, NULL, e);
    if (!err)
        err = read_pieces(&r, fd, from, e);
    err = backup_finish(&copy, err, e);
    close(fd);
    finish_sum(&r.sha, sum);
    return err;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

void backup_remove(const char *directory)
{
    if (*directory)
        nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
