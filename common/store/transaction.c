#include "base/clock.h"
#include "store/internal.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { NEARLY_FULL_BYTES = 4 << 20, PLACE_US = 100 * 1000, SNAPSHOT_TRIES = 100 };

static int renew(struct store *s)
{
    if (!s->env)
        return MDB_PANIC;
    if (s->read && mdb_txn_renew(s->read) == MDB_SUCCESS)
        return MDB_SUCCESS;
    if (s->read)
        mdb_txn_abort(s->read);
    s->read = NULL;
    return mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->read);
}

/* After MDB_SUCCESS the caller holds the environment (store.held). */
static int read_start(struct store *s)
{
    pthread_rwlock_rdlock(&s->held);
    int rc = renew(s);
    if (rc) {
        s->read = NULL;
        pthread_rwlock_unlock(&s->held);
    }
    return rc;
}

static enum err check_snapshot(MDB_txn *txn, struct err_text *e)
{
    uint64_t tail[STORE_TAIL_NUMBERS];
    enum err err = ERR_BUSY;
    for (int i = 0; err == ERR_BUSY && i < SNAPSHOT_TRIES; i++) {
        if (i) {
            mdb_txn_reset(txn);
            int rc = mdb_txn_renew(txn);
            if (rc)
                return store_error(rc, e);
        }
        err = stamp_check(txn, false, tail, e);
    }
    return err;
}

enum err store_read_begin(struct store *s, MDB_txn **txn, struct err_text *e)
{
    *txn = NULL;
    if (s->read_depth == 0) {
        int rc = read_start(s);
        if (rc && store_recover(s, rc))
            rc = read_start(s);
        if (rc)
            return store_error(rc, e);
    }
    s->read_depth++;
    *txn = s->read;
    enum err err = s->read_depth > 1 ? OK : check_snapshot(*txn, e);
    if (err)
        store_read_end(s, txn);
    return err;
}

void store_read_end(struct store *s, MDB_txn **txn)
{
    if (!*txn)
        return;
    *txn = NULL;
    ASSERT(s->read_depth > 0);
    if (--s->read_depth)
        return;
    mdb_txn_reset(s->read);
    pthread_rwlock_unlock(&s->held);
}

static bool same_file(int fd, const char *file)
{
    struct stat there, ours;
    if (fstat(fd, &ours) < 0)
        return true; /* others say so */
    return stat(file, &there) == 0 && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev && ours.st_nlink > 0;
}

enum err store_in_place(struct store *s, struct err_text *e)
{
    char file[STORE_PATH_BYTES + 16];
    int fd;
    snprintf(file, sizeof file, "%s/data.mdb", s->path);
    pthread_rwlock_rdlock(&s->held);
    bool same = !s->env || mdb_env_get_fd(s->env, &fd) || same_file(fd, file);
    pthread_rwlock_unlock(&s->held);
    return same ? OK
                : err_set(e, ERR_IO,
                          "%s is not the file that is open: it was moved, deleted or replaced, or its disk is not "
                          "mounted; put it back, or stop and start again",
                          file);
}

static enum err look_in_place(struct store *s, struct err_text *e)
{
    int64_t now_us = clock_mono_us();
    if (s->placed_us && now_us - s->placed_us < PLACE_US)
        return OK;
    pthread_rwlock_rdlock(&s->held); /* or a reader opens the environment anew under it */
    enum err err = store_in_place(s, e);
    pthread_rwlock_unlock(&s->held);
    s->placed_us = err ? 0 : now_us;
    return err;
}

/* With MDB_SUCCESS the environment is held. */
static int write_start(struct store *s, MDB_txn **txn)
{
    pthread_rwlock_rdlock(&s->held);
    store_check_readers(s);
    int rc = s->env ? mdb_txn_begin(s->env, NULL, 0, txn) : MDB_PANIC;
    if (rc)
        pthread_rwlock_unlock(&s->held);
    return rc;
}

static void write_end(struct store *s)
{
    s->writing = false;
    pthread_rwlock_unlock(&s->held);
}

enum err store_write_begin(struct store *s, MDB_txn **txn, struct err_text *e)
{
    ASSERT(s->options.writer && !s->writing);
    *txn = NULL;
    enum err err = look_in_place(s, e);
    if (err)
        return err;
    int rc = write_start(s, txn);
    if (rc && store_recover(s, rc))
        rc = write_start(s, txn);
    if (rc)
        *txn = NULL;
    s->writing = !rc;
    err = rc ? store_error(rc, e) : stamp_check(*txn, true, s->tail, e);
    if (err)
        store_write_abort(s, txn);
    return err;
}

/* LMDB calls a write that came to an end half way an I/O error; mostly it is the disk that was full there. */
static int told_by_disk(const struct store *s, int rc)
{
    struct statvfs fs;
    if (rc != EIO || statvfs(s->path, &fs) < 0)
        return rc;
    return (uint64_t)fs.f_bavail * fs.f_frsize < NEARLY_FULL_BYTES ? ENOSPC : rc;
}

enum err store_write_commit(struct store *s, MDB_txn **txn, struct err_text *e)
{
    ASSERT(*txn && s->writing);
    MDB_txn *going = *txn;
    *txn = NULL;
    int rc = stamp_put(going, s->tail);
    if (rc)
        mdb_txn_abort(going);
    else
        rc = told_by_disk(s, mdb_txn_commit(going));
    write_end(s);
    return err_wrap(e, store_error(rc, e), "commit");
}

void store_write_abort(struct store *s, MDB_txn **txn)
{
    if (!*txn)
        return;
    mdb_txn_abort(*txn);
    *txn = NULL;
    write_end(s);
}
