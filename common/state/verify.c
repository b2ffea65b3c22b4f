/* All of state against itself: each row's checksum, the order of keys, and each partition's totals. */
#include "state/row.h"
#include <stdlib.h>
#include <string.h>

struct verification {
    struct state *s;
    MDB_txn *txn;
    struct row_total (*found)[DB_COUNT]; /* by partition */
    state_verify_fn *fn;
    void *ctx;
};

static uint32_t partition_of(unsigned database, const MDB_val *key, const MDB_val *data)
{
    struct reject_header header;
    if (database != DB_REJECTS)
        return key->mv_size >= 2 ? get_be16(key->mv_data) : UINT32_MAX;
    if (data->mv_size < sizeof header)
        return UINT32_MAX;
    memcpy(&header, data->mv_data, sizeof header);
    return header.partition;
}

static enum err take(struct verification *v, unsigned database, const MDB_val *key, MDB_val *data, struct err_text *e)
{
    struct row_trailer t;
    size_t bytes = key->mv_size + data->mv_size;
    enum err err = row_open(key, data, &t, e);
    uint32_t partition = err ? 0 : partition_of(database, key, data);
    if (!err && partition > UINT16_MAX)
        err = err_set(e, ERR_CORRUPT, "a row of no partition");
    if (err)
        return err;
    v->found[partition][database].count++;
    v->found[partition][database].sum += t.crc;
    return v->fn ? v->fn(v->ctx, bytes, e) : OK;
}

static bool ascends(const struct state_key *before, const MDB_val *key)
{
    size_t bytes = before->size < key->mv_size ? before->size : key->mv_size;
    int order = memcmp(before->bytes, key->mv_data, bytes);
    return order < 0 || (order == 0 && before->size < key->mv_size);
}

static enum err walk(struct verification *v, unsigned database, MDB_cursor *cursor, struct err_text *e)
{
    struct state_key before = {.size = 0};
    MDB_val key, data;
    uint64_t row = 0;
    int rc = 0;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == MDB_SUCCESS) {
        bool fits = key.mv_size <= sizeof before.bytes && ascends(&before, &key);
        enum err err = fits ? take(v, database, &key, &data, e) : err_set(e, ERR_CORRUPT, "its key is out of order");
        if (err)
            return err_wrap(e, err, "row %llu", (unsigned long long)row + 1);
        memcpy(before.bytes, key.mv_data, key.mv_size);
        before.size = key.mv_size;
        row++;
    }
    return rc == MDB_NOTFOUND ? OK : store_error(rc, e);
}

static enum err walk_database(struct verification *v, unsigned database, struct err_text *e)
{
    static const char *const names[] = {"meta", "cursors", "values", "scores", "tallies", "rejects"};
    MDB_cursor *cursor;
    enum err err = store_error(mdb_cursor_open(v->txn, v->s->store.dbi[database], &cursor), e);
    if (err)
        return err;
    err = walk(v, database, cursor, e);
    mdb_cursor_close(cursor);
    return err_wrap(e, err, "%s", names[database]);
}

static enum err check_totals(struct verification *v, uint32_t partition, struct err_text *e)
{
    struct stored_cursor c;
    enum err err = row_cursor(v->s, v->txn, partition, &c, e);
    for (unsigned i = DB_VALUES; i < DB_COUNT && !err; i++) {
        const struct row_total *found = &v->found[partition][i];
        if (found->count != c.total[i].count || found->sum != c.total[i].sum)
            err = err_set(e, ERR_CORRUPT,
                          "database %u has %llu rows, and should have %llu, or they are others; " STATE_IS_MADE_AGAIN,
                          i, (unsigned long long)found->count, (unsigned long long)c.total[i].count);
    }
    return err_wrap(e, err, "partition %u", partition);
}

static enum err verify(struct verification *v, struct err_text *e)
{
    enum err err = OK;
    for (unsigned i = DB_PARTITIONS; i < DB_COUNT && !err; i++)
        err = walk_database(v, i, e);
    for (uint32_t p = 0; p <= UINT16_MAX && !err; p++)
        err = check_totals(v, p, e);
    return err;
}

enum err state_verify(struct state *s, state_verify_fn *fn, void *ctx, struct err_text *e)
{
    struct verification v = {.s = s, .fn = fn, .ctx = ctx};
    v.found = calloc(UINT16_MAX + 1, sizeof *v.found);
    if (!v.found)
        return err_set(e, ERR_NOMEM, "verify state");
    enum err err = store_read_begin(&s->store, &v.txn, e);
    if (!err)
        err = verify(&v, e);
    store_read_end(&s->store, &v.txn);
    free(v.found);
    return err_wrap(e, err, "read %s", s->store.path);
}
