#include "base/crc32c.h"
#include "store/internal.h"
#include <string.h>

/* A row among the databases' names, in a page that every transaction writes anyway. */
#define STAMP_KEY "stamp"
enum { MAIN_DBI = 1 };

struct stamp {
    uint64_t transaction;
    uint64_t tail[STORE_TAIL_NUMBERS];
    uint32_t crc, zero;
};

static uint32_t sum_of(const struct stamp *s) { return crc32c(0, s, offsetof(struct stamp, crc)); }

int stamp_put(MDB_txn *txn, const uint64_t tail[static STORE_TAIL_NUMBERS])
{
    struct stamp s = {.transaction = mdb_txn_id(txn)};
    memcpy(s.tail, tail, sizeof s.tail);
    s.crc = sum_of(&s);
    MDB_val key = store_val(STAMP_KEY, strlen(STAMP_KEY)), data = store_val(&s, sizeof s);
    return mdb_put(txn, MAIN_DBI, &key, &data, 0);
}

static enum err read_stamp(MDB_txn *txn, struct stamp *s, struct err_text *e)
{
    MDB_val key = store_val(STAMP_KEY, strlen(STAMP_KEY)), data;
    int rc = mdb_get(txn, MAIN_DBI, &key, &data);
    if (rc && rc != MDB_NOTFOUND)
        return store_error(rc, e);
    if (rc || data.mv_size != sizeof *s)
        return err_set(e, ERR_CORRUPT, "data.mdb has no stamp of its last transaction. " HOW_IT_COMES_BACK);
    memcpy(s, data.mv_data, sizeof *s);
    return sum_of(s) == s->crc ? OK : err_set(e, ERR_CORRUPT, "its stamp is damaged. " HOW_IT_COMES_BACK);
}

enum err store_tail(MDB_txn *txn, uint64_t tail[static STORE_TAIL_NUMBERS], struct err_text *e)
{
    struct stamp s;
    enum err err = read_stamp(txn, &s, e);
    if (!err)
        memcpy(tail, s.tail, sizeof s.tail);
    return err;
}

/* A writer's own number is the next one: its page still has the stamp of the one before. */
enum err stamp_check(MDB_txn *txn, bool writer, uint64_t tail[static STORE_TAIL_NUMBERS], struct err_text *e)
{
    struct stamp s = {0};
    enum err err = read_stamp(txn, &s, e);
    if (err)
        return err;
    memcpy(tail, s.tail, sizeof s.tail);
    uint64_t should = mdb_txn_id(txn) - writer;
    if (s.transaction == should)
        return OK;
    if (s.transaction > should) /* two commits came between LMDB's two steps of beginning to read */
        return err_set(e, ERR_BUSY, "transaction %llu came while %llu was to be read",
                       (unsigned long long)s.transaction, (unsigned long long)should);
    return err_set(e, ERR_CORRUPT,
                   "data.mdb shows the databases of transaction %llu, and the last one was %llu. " HOW_IT_COMES_BACK,
                   (unsigned long long)s.transaction, (unsigned long long)should);
}
