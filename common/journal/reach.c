#include "journal/internal.h"
#include <string.h>

/* The newest block is not in the index yet. */
static enum err find_last(struct finder *f, uint32_t partition, uint64_t *last, struct err_text *e)
{
    struct spot spot = {0};
    uint32_t count = 0;
    enum err err = finder_indexed_last(f, partition, last, e);
    if (!err)
        err = finder_hop(f, partition, tail_start(f->last_commit), 0, &spot, e);
    while (!err) {
        err = spot_count(&spot, &count, e);
        if (err)
            break;
        if (spot.first != *last + 1)
            return err_set(e, ERR_CORRUPT, "partition %u: a record begins at pseq %llu where %llu is due", partition,
                           (unsigned long long)spot.first, (unsigned long long)*last + 1);
        *last = spot.first + count - 1;
        err = finder_hop(f, partition, spot.commit, spot.first + 1, &spot, e);
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err journal_last_pseq(struct journal *j, uint32_t partition, uint64_t *last, struct err_text *e)
{
    MDB_txn *txn;
    struct finder f = {0};
    *last = 0;
    enum err err = store_read_begin(&j->store, &txn, e);
    if (!err)
        err = finder_open(&f, j, txn, e);
    if (!err)
        err = find_last(&f, partition, last, e);
    finder_close(&f);
    store_read_end(&j->store, &txn);
    return err_wrap(e, err, "read %s", j->store.path);
}

static enum err load_controls(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    MDB_cursor *cursor;
    MDB_val key, data;
    j->last_control = 0;
    int rc = mdb_cursor_open(txn, j->store.dbi[DB_CONTROLS], &cursor);
    if (rc)
        return store_error(rc, e);
    rc = mdb_cursor_get(cursor, &key, &data, MDB_LAST);
    if (!rc && key.mv_size == sizeof j->last_control)
        j->last_control = get_be64(key.mv_data);
    mdb_cursor_close(cursor);
    uint64_t tail[STORE_TAIL_NUMBERS];
    enum err err = rc == MDB_NOTFOUND ? OK : store_error(rc, e);
    if (!err)
        err = store_tail(txn, tail, e);
    if (!err && tail[TAIL_CONTROL] != j->last_control)
        err = err_set(e, ERR_CORRUPT, "the controls end at %llu, and should at %llu",
                      (unsigned long long)j->last_control, (unsigned long long)tail[TAIL_CONTROL]);
    return err;
}

enum err journal_load_reach(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    struct finder f = {0};
    enum err err = finder_open(&f, j, txn, e);
    if (!err)
        err = ends_load(j, &f, e);
    if (!err)
        err = load_controls(j, txn, e);
    if (!err)
        err = chaining_load(j, txn, e);
    finder_close(&f);
    if (!err)
        j->generation = j->store.generation;
    return err;
}
