#include "state/row.h"
#include "base/crc32c.h"
#include <string.h>

static uint32_t sum_of(const void *key, size_t key_bytes, const void *content, size_t bytes, uint32_t values)
{
    return crc32c(crc32c(crc32c(0, key, key_bytes), content, bytes), &values, sizeof values);
}

uint32_t row_seal(const struct state_key *key, uint8_t *content, size_t bytes, uint32_t values)
{
    struct row_trailer t = {sum_of(key->bytes, key->size, content, bytes, values), values};
    memcpy(content + bytes, &t, sizeof t);
    return t.crc;
}

enum err row_open(const MDB_val *key, MDB_val *data, struct row_trailer *t, struct err_text *e)
{
    struct row_trailer found = {0};
    bool whole = data->mv_size >= sizeof found;
    if (whole) {
        data->mv_size -= sizeof found;
        memcpy(&found, (const uint8_t *)data->mv_data + data->mv_size, sizeof found);
        whole = sum_of(key->mv_data, key->mv_size, data->mv_data, data->mv_size, found.values) == found.crc;
    }
    if (t)
        *t = found;
    return whole ? OK : err_set(e, ERR_CORRUPT, "its checksum is wrong; " STATE_IS_MADE_AGAIN);
}

uint32_t row_crc(const MDB_val *data)
{
    struct row_trailer t = {0};
    if (data->mv_size >= sizeof t)
        memcpy(&t, (const uint8_t *)data->mv_data + data->mv_size - sizeof t, sizeof t);
    return t.crc;
}

enum err row_values_sum(MDB_cursor *values, uint32_t partition, uint32_t series, uint32_t unit, uint32_t *sum,
                        struct err_text *e)
{
    struct state_key first = key_values(partition, series, unit, 0);
    size_t prefix = first.size - 1;
    MDB_val key = store_val(first.bytes, first.size), data;
    *sum = 0;
    int rc = mdb_cursor_get(values, &key, &data, MDB_SET_RANGE);
    for (; !rc && key.mv_size == first.size && !memcmp(key.mv_data, first.bytes, prefix);
         rc = mdb_cursor_get(values, &key, &data, MDB_NEXT))
        *sum += row_crc(&data);
    return !rc || rc == MDB_NOTFOUND ? OK : store_error(rc, e);
}

/* Only values, scores and tallies have the partition in front of their keys. */
static enum err has_rows(struct state *s, MDB_txn *txn, uint32_t partition, bool *has, struct err_text *e)
{
    struct state_key prefix = key_partition(partition);
    *has = false;
    for (unsigned i = DB_VALUES; i <= DB_TALLIES && !*has; i++) {
        MDB_cursor *cursor;
        MDB_val key = store_val(prefix.bytes, prefix.size), data;
        int rc = mdb_cursor_open(txn, s->store.dbi[i], &cursor);
        if (rc)
            return store_error(rc, e);
        rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
        *has = !rc && key.mv_size >= prefix.size && !memcmp(key.mv_data, prefix.bytes, prefix.size);
        mdb_cursor_close(cursor);
        if (rc && rc != MDB_NOTFOUND)
            return store_error(rc, e);
    }
    return OK;
}

/* One that was never owned, or one that has vanished. */
static enum err no_cursor(struct state *s, MDB_txn *txn, uint32_t partition, struct err_text *e)
{
    bool has;
    enum err err = has_rows(s, txn, partition, &has, e);
    return err || !has ? err : err_set(e, ERR_CORRUPT, "it has rows, but no cursor; " STATE_IS_MADE_AGAIN);
}

enum err row_cursor(struct state *s, MDB_txn *txn, uint32_t partition, struct stored_cursor *c, struct err_text *e)
{
    struct state_key k = key_partition(partition);
    MDB_val key = store_val(k.bytes, k.size), data;
    *c = (struct stored_cursor){0};
    int rc = mdb_get(txn, s->store.dbi[DB_PARTITIONS], &key, &data);
    if (rc == MDB_NOTFOUND)
        return no_cursor(s, txn, partition, e);
    enum err err = rc ? store_error(rc, e) : row_open(&key, &data, NULL, e);
    if (!err && data.mv_size != sizeof *c)
        err = err_set(e, ERR_CORRUPT, "a cursor of %zu bytes; " STATE_IS_MADE_AGAIN, data.mv_size);
    if (!err)
        memcpy(c, data.mv_data, sizeof *c);
    return err_wrap(e, err, "cursor");
}
