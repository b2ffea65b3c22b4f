#include "fake_lmdb.h"
#include <stdlib.h>
#include <string.h>

/* Even and not more: what LMDB promises. */
enum { ROWS_MAX = 64, HEAD_BYTES = 4, ASIDE = 2, REPAIR = 0x80 };

static struct fake_row rows[ROWS_MAX];
static size_t row_count;
uint64_t fake_tail[STORE_TAIL_NUMBERS];

struct fake_cursor {
    unsigned database;
    size_t at; /* the row that it is on; row_count: none */
    bool fresh;
};

static MDB_val copy(const uint8_t *data, size_t bytes)
{
    uint8_t *place = malloc(ASIDE + bytes);
    ASSERT(place);
    memcpy(place + ASIDE, data, bytes);
    return (MDB_val){bytes, place + ASIDE};
}

static int order(unsigned database, const MDB_val *key, const struct fake_row *row)
{
    if (database != row->database)
        return database < row->database ? -1 : 1;
    size_t least = key->mv_size < row->key.mv_size ? key->mv_size : row->key.mv_size;
    int by_bytes = memcmp(key->mv_data, row->key.mv_data, least);
    return by_bytes ? by_bytes : key->mv_size < row->key.mv_size ? -1 : key->mv_size > row->key.mv_size;
}

/* The first row that is not before it. */
static size_t seek(unsigned database, const MDB_val *key)
{
    size_t at = 0;
    while (at < row_count && order(database, key, &rows[at]) > 0)
        at++;
    return at;
}

static void put(struct fake_row row)
{
    size_t at = seek(row.database, &row.key);
    if (at < row_count && order(row.database, &row.key, &rows[at]) == 0)
        return;
    row.key = copy(row.key.mv_data, row.key.mv_size);
    row.data = copy(row.data.mv_data, row.data.mv_size);
    memmove(&rows[at + 1], &rows[at], (row_count++ - at) * sizeof *rows);
    rows[at] = row;
}

void fake_fill(const uint8_t *data, size_t bytes, unsigned databases)
{
    const uint8_t *end = data + bytes;
    while (end - data > HEAD_BYTES && row_count < ROWS_MAX) {
        struct fake_row row = {.database = (data[0] & ~REPAIR) % databases, .repair = data[0] & REPAIR};
        size_t key = data[1], value = data[2] | (size_t)data[3] << 8, left = (size_t)(end - data) - HEAD_BYTES;
        key = key > FAKE_KEY_BYTES_MAX ? FAKE_KEY_BYTES_MAX : key;
        key = key > left ? left : key;
        value = value > left - key ? left - key : value;
        row.key = store_val(data + HEAD_BYTES, key);
        row.data = store_val(data + HEAD_BYTES + key, value);
        if (key) /* LMDB has no empty keys */
            put(row);
        data += HEAD_BYTES + key + value;
    }
}

void fake_clear(void)
{
    for (size_t i = 0; i < row_count; i++) {
        free((uint8_t *)rows[i].key.mv_data - ASIDE);
        free((uint8_t *)rows[i].data.mv_data - ASIDE);
    }
    row_count = 0;
}

struct fake_row *fake_rows(size_t *count)
{
    *count = row_count;
    return rows;
}

/* ---- in the place of LMDB's ---- */

int __wrap_mdb_get(MDB_txn *txn, MDB_dbi database, MDB_val *key, MDB_val *data);
int __wrap_mdb_cursor_open(MDB_txn *txn, MDB_dbi database, MDB_cursor **cursor);
int __wrap_mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op);
void __wrap_mdb_cursor_close(MDB_cursor *cursor);
enum err __wrap_store_read_begin(struct store *s, MDB_txn **txn, struct err_text *e);
void __wrap_store_read_end(struct store *s, MDB_txn **txn);
enum err __wrap_store_tail(MDB_txn *txn, uint64_t tail[static STORE_TAIL_NUMBERS], struct err_text *e);

int __wrap_mdb_get(MDB_txn *txn, MDB_dbi database, MDB_val *key, MDB_val *data)
{
    (void)txn;
    size_t at = seek(database, key);
    if (at == row_count || order(database, key, &rows[at]) != 0)
        return MDB_NOTFOUND;
    *data = rows[at].data;
    return 0;
}

int __wrap_mdb_cursor_open(MDB_txn *txn, MDB_dbi database, MDB_cursor **cursor)
{
    (void)txn;
    struct fake_cursor *c = malloc(sizeof *c);
    ASSERT(c);
    *c = (struct fake_cursor){database, row_count, true};
    *cursor = (MDB_cursor *)(void *)c;
    return 0;
}

void __wrap_mdb_cursor_close(MDB_cursor *cursor) { free(cursor); }

static size_t end_of(unsigned database)
{
    size_t at = row_count;
    while (at && rows[at - 1].database > database)
        at--;
    return at;
}

static size_t move(const struct fake_cursor *c, const MDB_val *key, MDB_cursor_op op)
{
    static const MDB_val nothing = {0, ""};
    if (op == MDB_SET_RANGE)
        return seek(c->database, key);
    if (op == MDB_NEXT)
        return c->fresh ? seek(c->database, &nothing) : c->at < row_count ? c->at + 1 : row_count;
    ASSERT(op == MDB_LAST || op == MDB_PREV);
    size_t before = op == MDB_LAST ? end_of(c->database) : c->at;
    return before ? before - 1 : row_count;
}

int __wrap_mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
    struct fake_cursor *c = (struct fake_cursor *)(void *)cursor;
    size_t at = move(c, key, op);
    if (at >= row_count || rows[at].database != c->database)
        return MDB_NOTFOUND;
    c->at = at;
    c->fresh = false;
    *key = rows[at].key;
    *data = rows[at].data;
    return 0;
}

/* ---- … and the store's ---- */

enum err __wrap_store_read_begin(struct store *s, MDB_txn **txn, struct err_text *e)
{
    (void)s, (void)e;
    *txn = NULL;
    return OK;
}

void __wrap_store_read_end(struct store *s, MDB_txn **txn) { (void)s, (void)txn; }

enum err __wrap_store_tail(MDB_txn *txn, uint64_t tail[static STORE_TAIL_NUMBERS], struct err_text *e)
{
    (void)txn, (void)e;
    memcpy(tail, fake_tail, sizeof fake_tail);
    return OK;
}
