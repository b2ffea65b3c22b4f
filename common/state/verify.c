/* All of state against itself: each row's checksum, the order of keys, and each partition's totals. */
#include "state/row.h"
#include <stdlib.h>
#include <string.h>

#define OUT_OF_ORDER "its key is out of order"

struct verification {
    struct state *s;
    MDB_txn *txn;
    struct row_total (*found)[DB_COUNT]; /* by partition */
    state_verify_fn *fn;
    state_fault_fn *fault;
    void *ctx;
    uint64_t faults;
};

static const char *const names[] = {"meta", "cursors", "values", "scores", "tallies", "rejects"};

/* All that is damaged is named, when somebody listens: OK then, and the reading goes on. */
static enum err tell_fault(struct verification *v, enum err err, const struct err_text *why, struct err_text *e)
{
    if (err != ERR_CORRUPT || !v->fault)
        return err_set(e, err, "%s", why->text);
    v->fault(v->ctx, why->text);
    v->faults++;
    return OK;
}

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
    enum err err = row_open(key, data, &t, e);
    uint32_t partition = partition_of(database, key, data);
    if (!err && partition > UINT16_MAX)
        err = err_set(e, ERR_CORRUPT, "a row of no partition");
    if (partition > UINT16_MAX)
        return err;
    v->found[partition][database].count++; /* a damaged one is there, too */
    v->found[partition][database].sum += t.crc;
    return err;
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
        struct err_text why = {""};
        size_t bytes = key.mv_size + data.mv_size;
        bool fits = key.mv_size <= sizeof before.bytes && ascends(&before, &key);
        enum err err = fits ? take(v, database, &key, &data, &why) : err_set(&why, ERR_CORRUPT, OUT_OF_ORDER);
        row++;
        if (err)
            err = tell_fault(v, err_wrap(&why, err, "%s: row %llu", names[database], (unsigned long long)row), &why, e);
        if (!err && v->fn)
            err = v->fn(v->ctx, bytes, e);
        if (err)
            return err;
        before.size = key.mv_size <= sizeof before.bytes ? key.mv_size : 0;
        memcpy(before.bytes, key.mv_data, before.size);
    }
    return rc == MDB_NOTFOUND ? OK : store_error(rc, e);
}

static enum err walk_database(struct verification *v, unsigned database, struct err_text *e)
{
    MDB_cursor *cursor;
    enum err err = store_error(mdb_cursor_open(v->txn, v->s->store.dbi[database], &cursor), e);
    if (err)
        return err;
    err = walk(v, database, cursor, e);
    mdb_cursor_close(cursor);
    return err;
}

static enum err check_total(struct verification *v, uint32_t partition, const struct stored_cursor *c,
                            unsigned database, struct err_text *e)
{
    const struct row_total *found = &v->found[partition][database], *should = &c->total[database];
    struct err_text why;
    if (found->count == should->count && found->sum == should->sum)
        return OK;
    enum err err =
        err_set(&why, ERR_CORRUPT,
                "partition %u: %llu rows of %s, and there should be %llu, or they are others; " STATE_IS_MADE_AGAIN,
                partition, (unsigned long long)found->count, names[database], (unsigned long long)should->count);
    return tell_fault(v, err, &why, e);
}

static enum err check_totals(struct verification *v, uint32_t partition, struct err_text *e)
{
    struct stored_cursor c;
    struct err_text why = {""};
    enum err err = row_cursor(v->s, v->txn, partition, &c, &why);
    if (err)
        return tell_fault(v, err_wrap(&why, err, "partition %u", partition), &why, e);
    for (unsigned i = DB_VALUES; i < DB_COUNT && !err; i++)
        err = check_total(v, partition, &c, i, e);
    return err;
}

static enum err verify(struct verification *v, struct err_text *e)
{
    enum err err = OK;
    for (unsigned i = DB_PARTITIONS; i < DB_COUNT && !err; i++)
        err = walk_database(v, i, e);
    for (uint32_t p = 0; p <= UINT16_MAX && !err; p++)
        err = check_totals(v, p, e);
    if (!err && v->faults)
        err = err_set(e, ERR_CORRUPT, "%llu %s; " STATE_IS_MADE_AGAIN, (unsigned long long)v->faults,
                      v->faults == 1 ? "fault" : "faults");
    return err;
}

enum err state_verify(struct state *s, state_verify_fn *fn, state_fault_fn *fault, void *ctx, struct err_text *e)
{
    struct verification v = {.s = s, .fn = fn, .fault = fault, .ctx = ctx};
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
