#include "client/outbox.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/plural.h"
#include "client/feeder_pack.h"
#include "store/guard.h"
#include "store/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { META, SUBMISSIONS, DATABASES };
enum { PENDING_BYTES_MAX = 16 << 20, DELETE_LATER_MAX = 1024 };

static const char *const database_names[DATABASES] = {[META] = "meta", [SUBMISSIONS] = "submissions"};

struct outbox {
    struct store store;
    int lock_fd;
    uint64_t deleted, settled;    /* up to here: out of the database; has its receipt */
    uint64_t stored, next;        /* up to here: on disk; next: seq of the next one */
    struct buffer pending, sizes; /* envelopes stored + 1 .. next - 1, and their lengths */
    struct buffer copy;
    size_t pages_bytes; /* what the stored ones take */
};

static enum err put(struct outbox *o, MDB_txn *txn, uint64_t seq, const void *data, size_t bytes, struct err_text *e)
{
    uint8_t key_bytes[8];
    put_be64(key_bytes, seq);
    MDB_val key = store_val(key_bytes, sizeof key_bytes), value = store_val(data, bytes);
    return store_error(mdb_put(txn, o->store.dbi[SUBMISSIONS], &key, &value, 0), e);
}

static enum err take_out(struct outbox *o, MDB_txn *txn, uint64_t seq, struct err_text *e)
{
    uint8_t key_bytes[8];
    put_be64(key_bytes, seq);
    MDB_val key = store_val(key_bytes, sizeof key_bytes);
    int rc = mdb_del(txn, o->store.dbi[SUBMISSIONS], &key, NULL);
    return rc == MDB_NOTFOUND ? OK : store_error(rc, e);
}

static enum err take_out_range(struct outbox *o, MDB_txn *txn, uint64_t from, uint64_t to, struct err_text *e)
{
    enum err err = OK;
    for (uint64_t seq = from; seq <= to && !err; seq++)
        err = take_out(o, txn, seq, e);
    return err;
}

static enum err measure(struct outbox *o, MDB_txn *txn, struct err_text *e)
{
    MDB_stat stat;
    enum err err = store_error(mdb_stat(txn, o->store.dbi[SUBMISSIONS], &stat), e);
    if (!err)
        o->pages_bytes = stat.ms_psize * (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
    return err;
}

/* ---- opening ---- */

/* The outbox belongs to the feeder whose numbers it holds. */
static enum err check_feeder(struct outbox *o, MDB_txn *txn, const char *feeder, struct err_text *e)
{
    MDB_val key = store_val("feeder", 6), value;
    int rc = mdb_get(txn, o->store.dbi[META], &key, &value);
    if (rc == MDB_NOTFOUND) {
        value = store_val(feeder, strlen(feeder));
        return store_error(mdb_put(txn, o->store.dbi[META], &key, &value, 0), e);
    }
    if (rc)
        return store_error(rc, e);
    if (value.mv_size == strlen(feeder) && memcmp(value.mv_data, feeder, value.mv_size) == 0)
        return OK;
    return err_set(e, ERR_INVALID, "it belongs to feeder %.*s, not to %s", (int)value.mv_size,
                   (const char *)value.mv_data, feeder);
}

static enum err meta_or(struct outbox *o, MDB_txn *txn, const char *name, uint64_t fallback, uint64_t *value,
                        struct err_text *e)
{
    *value = fallback;
    enum err err = store_meta_get(&o->store, txn, name, value, e);
    if (err != ERR_NOT_FOUND)
        return err;
    *value = fallback;
    return store_meta_put(&o->store, txn, name, fallback, e);
}

static enum err first_seq(struct outbox *o, MDB_txn *txn, struct outbox_start *start, struct err_text *e)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    start->first_seq = start->next_seq;
    int rc = mdb_cursor_open(txn, o->store.dbi[SUBMISSIONS], &cursor);
    if (rc)
        return store_error(rc, e);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    if (!rc && key.mv_size == 8)
        start->first_seq = get_be64(key.mv_data);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? OK : store_error(rc, e);
}

static enum err read_start(struct outbox *o, const char *feeder, struct outbox_start *start, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_write_begin(&o->store, &txn, e);
    if (err)
        return err;
    err = check_feeder(o, txn, feeder, e);
    if (!err)
        err = meta_or(o, txn, "epoch", 1, &start->epoch, e);
    if (!err)
        err = meta_or(o, txn, "next_seq", 1, &start->next_seq, e);
    if (!err)
        err = first_seq(o, txn, start, e);
    if (!err)
        err = measure(o, txn, e);
    if (!err && (start->first_seq == 0 || start->first_seq > start->next_seq || start->epoch == 0))
        err = err_set(e, ERR_CORRUPT, "first seq %" PRIu64 ", next seq %" PRIu64 ", epoch %" PRIu64, start->first_seq,
                      start->next_seq, start->epoch);
    if (!err)
        err = store_write_commit(&o->store, &txn, e);
    store_write_abort(&o->store, &txn);
    return err;
}

static enum err open_files(struct outbox *o, const char *directory, const char *feeder, struct outbox_start *start,
                           struct err_text *e)
{
    static const struct store_options options = {.format = OUTBOX_FORMAT,
                                                 .databases = database_names,
                                                 .database_count = DATABASES,
                                                 .map_bytes = 2 * OUTBOX_BYTES_MAX,
                                                 .writer = true,
                                                 .quiet = true};
    char lock[STORE_PATH_BYTES];
    snprintf(lock, sizeof lock, "%s/lock", directory);
    enum err err = guard_make_directory(directory, e);
    if (!err)
        err = guard_lock(lock, &o->lock_fd, e);
    if (!err)
        err = store_open(&o->store, directory, "data", &options, e);
    if (err)
        return err;
    err = read_start(o, feeder, start, e);
    if (err)
        store_close(&o->store);
    return err;
}

enum err outbox_open(struct outbox **out, const char *directory, const char *feeder, struct outbox_start *start,
                     struct err_text *e)
{
    struct outbox *o = calloc(1, sizeof *o);
    ASSERT(o);
    *out = NULL;
    o->lock_fd = -1;
    enum err err = open_files(o, directory, feeder, start, e);
    if (err) {
        if (o->lock_fd >= 0)
            close(o->lock_fd);
        free(o);
        return err_wrap(e, err, "outbox %s", directory);
    }
    o->deleted = o->settled = start->first_seq - 1;
    o->stored = start->next_seq - 1;
    o->next = start->next_seq;
    *out = o;
    return OK;
}

void outbox_close(struct outbox **out)
{
    struct outbox *o = *out;
    if (!o)
        return;
    store_close(&o->store);
    close(o->lock_fd);
    buffer_free(&o->pending);
    buffer_free(&o->sizes);
    buffer_free(&o->copy);
    free(o);
    *out = NULL;
}

/* ---- writing ---- */

enum err outbox_add(struct outbox *o, size_t bytes, uint8_t **room, struct err_text *e)
{
    if (o->pending.size + bytes > PENDING_BYTES_MAX || o->pages_bytes + o->pending.size > OUTBOX_BYTES_MAX)
        return err_set(e, ERR_FULL, "%" PRIu64 " %s in the outbox", o->next - 1 - o->settled,
                       plural(o->next - 1 - o->settled, "submission waits", "submissions wait"));
    *room = buffer_grow(&o->pending, bytes);
    buffer_append(&o->sizes, &bytes, sizeof bytes);
    o->next++;
    return OK;
}

static enum err write_pending(struct outbox *o, MDB_txn *txn, struct err_text *e)
{
    const uint8_t *at = o->pending.data;
    const size_t *size = (const size_t *)(const void *)o->sizes.data;
    enum err err = OK;
    for (uint64_t seq = o->stored + 1; seq < o->next && !err; seq++, at += *size++)
        err = put(o, txn, seq, at, *size, e);
    return err ? err : store_meta_put(&o->store, txn, "next_seq", o->next, e);
}

static enum err write_all(struct outbox *o, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_write_begin(&o->store, &txn, e);
    if (err)
        return err;
    err = take_out_range(o, txn, o->deleted + 1, o->settled, e);
    if (!err)
        err = write_pending(o, txn, e);
    if (!err)
        err = measure(o, txn, e);
    if (!err)
        err = store_write_commit(&o->store, &txn, e);
    store_write_abort(&o->store, &txn);
    return err;
}

enum err outbox_sync(struct outbox *o, uint64_t *up_to_seq, struct err_text *e)
{
    bool added = o->next > o->stored + 1;
    bool emptied = o->settled > o->deleted && (o->settled == o->stored || o->settled - o->deleted >= DELETE_LATER_MAX);
    enum err err = added || emptied ? write_all(o, e) : OK;
    if (!err && (added || emptied)) {
        o->stored = o->next - 1;
        o->deleted = o->settled;
        buffer_clear(&o->pending);
        buffer_clear(&o->sizes);
    }
    *up_to_seq = o->stored;
    return err_wrap(e, err, "write %s", o->store.path);
}

void outbox_settled(struct outbox *o, uint64_t up_to_seq)
{
    ASSERT(up_to_seq <= o->stored);
    if (up_to_seq > o->settled)
        o->settled = up_to_seq;
}

/* ---- reading ---- */

static enum err copy_out(struct outbox *o, MDB_txn *txn, uint64_t seq, struct err_text *e)
{
    uint8_t key_bytes[8];
    put_be64(key_bytes, seq);
    MDB_val key = store_val(key_bytes, sizeof key_bytes), value;
    int rc = mdb_get(txn, o->store.dbi[SUBMISSIONS], &key, &value);
    if (rc)
        return err_wrap(e, store_error(rc, e), "submission %" PRIu64, seq);
    if (feeder_pack_seq(value.mv_data, value.mv_size) != seq)
        return err_set(e, ERR_CORRUPT, "submission %" PRIu64 " is damaged", seq);
    buffer_clear(&o->copy);
    buffer_append(&o->copy, value.mv_data, value.mv_size);
    return OK;
}

enum err outbox_get(struct outbox *o, uint64_t seq, const void **envelope, size_t *bytes, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_read_begin(&o->store, &txn, e);
    if (err)
        return err;
    err = copy_out(o, txn, seq, e);
    store_read_end(&o->store, &txn);
    *envelope = o->copy.data;
    *bytes = o->copy.size;
    return err;
}

static enum err move_one(struct outbox *o, MDB_txn *txn, uint64_t seq, uint64_t shift, struct err_text *e)
{
    enum err err = copy_out(o, txn, seq, e);
    if (err)
        return err;
    size_t skip = feeder_pack_renumber(o->copy.data, o->copy.size, seq - shift);
    err = take_out(o, txn, seq, e);
    return err ? err : put(o, txn, seq - shift, o->copy.data + skip, o->copy.size - skip, e);
}

static enum err renumber_all(struct outbox *o, MDB_txn *txn, uint64_t epoch, uint64_t first, struct err_text *e)
{
    enum err err = take_out_range(o, txn, o->deleted + 1, first - 1, e);
    for (uint64_t seq = first; seq <= o->stored && first > 1 && !err; seq++)
        err = move_one(o, txn, seq, first - 1, e);
    if (!err)
        err = store_meta_put(&o->store, txn, "epoch", epoch, e);
    return err ? err : store_meta_put(&o->store, txn, "next_seq", o->stored - (first - 1) + 1, e);
}

enum err outbox_renumber(struct outbox *o, uint64_t epoch, uint64_t first, struct err_text *e)
{
    MDB_txn *txn;
    uint64_t stored;
    enum err err = outbox_sync(o, &stored, e);
    if (!err)
        err = store_write_begin(&o->store, &txn, e);
    if (err)
        return err;
    err = renumber_all(o, txn, epoch, first, e);
    if (!err)
        err = store_write_commit(&o->store, &txn, e);
    store_write_abort(&o->store, &txn);
    if (err)
        return err_wrap(e, err, "begin epoch %" PRIu64 " in %s", epoch, o->store.path);
    o->stored -= first - 1;
    o->next = o->stored + 1;
    o->deleted = o->settled = 0;
    return OK;
}
