/* How far the chain is made (chain_behind.c), and how that gets to the disk and back. */
#include "journal/internal.h"
#include <string.h>

/* ---- where it goes on ---- */

/* How many controls came after `commit`. */
static int controls_after(MDB_cursor *controls, uint64_t commit, uint64_t *count)
{
    MDB_val key, data;
    struct control_header h;
    int rc = mdb_cursor_get(controls, &key, &data, MDB_LAST);
    for (*count = 0; !rc && data.mv_size >= sizeof h; ++*count) {
        memcpy(&h, data.mv_data, sizeof h);
        if (h.commit <= commit)
            break;
        rc = mdb_cursor_get(controls, &key, &data, MDB_PREV);
    }
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

static enum err load_control(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    MDB_cursor *controls;
    uint64_t after = 0;
    int rc = mdb_cursor_open(txn, j->store.dbi[DB_CONTROLS], &controls);
    if (rc)
        return store_error(rc, e);
    rc = controls_after(controls, j->chaining.at.commit, &after);
    mdb_cursor_close(controls);
    j->chaining.at.control = after < j->last_control ? j->last_control - after : 0;
    return store_error(rc, e);
}

enum err chaining_load(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    uint64_t tail[STORE_TAIL_NUMBERS];
    enum err err = store_tail(txn, tail, e);
    if (err)
        return err;
    uint64_t chained = tail[TAIL_CHAINED];
    if (chained > j->last_commit)
        return err_set(e, ERR_CORRUPT, "its chain is at commit %llu, and it ends at %llu", (unsigned long long)chained,
                       (unsigned long long)j->last_commit);
    j->chaining = (struct chaining){.kept = chained};
    chain_begin(&j->chaining.at, j->id);
    if (chained)
        memcpy(j->chaining.at.hash, &tail[TAIL_HASH], CHAIN_HASH_BYTES);
    j->chaining.at.commit = chained;
    return load_control(j, txn, e);
}

/* ---- it is written down ---- */

enum err chaining_put(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    const struct chaining *c = &j->chaining;
    int rc = 0;
    if (c->at.commit == c->kept)
        return OK;
    memcpy(&j->store.tail[TAIL_HASH], c->at.hash, CHAIN_HASH_BYTES);
    j->store.tail[TAIL_CHAINED] = c->at.commit;
    for (unsigned i = 0; i < c->links && !rc; i++) {
        uint8_t commit[8];
        put_be64(commit, c->link[i].commit);
        MDB_val key = store_val(commit, sizeof commit), data = store_val(c->link[i].hash, CHAIN_HASH_BYTES);
        rc = mdb_put(txn, j->store.dbi[DB_CHAIN], &key, &data, 0);
    }
    return err_wrap(e, store_error(rc, e), "chain");
}

void chaining_kept(struct journal *j)
{
    j->chaining.kept = j->chaining.at.commit;
    j->chaining.links = 0;
}
