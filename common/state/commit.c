#include "state/row.h"
#include <string.h>

/* Cursors keep their place in the tree between puts; LMDB frees them with the transaction. */
struct write {
    struct state *s;
    MDB_txn *txn;
    MDB_cursor *cursor[DB_COUNT];
    struct stored_cursor at; /* of the partition in hand */
};

static enum err open_cursors(struct write *w, struct err_text *e)
{
    int rc = 0;
    for (unsigned i = DB_PARTITIONS; i < DB_COUNT && !rc; i++)
        rc = mdb_cursor_open(w->txn, w->s->store.dbi[i], &w->cursor[i]);
    return store_error(rc, e);
}

/* What is there goes out of the total. */
static int take_off(struct write *w, unsigned database, const struct state_key *k)
{
    MDB_val key = store_val(k->bytes, k->size), data;
    int rc = mdb_cursor_get(w->cursor[database], &key, &data, MDB_SET);
    if (!rc) {
        w->at.total[database].count--;
        w->at.total[database].sum -= row_crc(&data);
    }
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

/* Room for a row right in the page; to be filled and sealed before the next put. */
static enum err reserve(struct write *w, unsigned database, struct state_key k, size_t bytes, uint8_t **at,
                        struct err_text *e)
{
    MDB_val key = store_val(k.bytes, k.size), data = {.mv_size = bytes + sizeof(struct row_trailer)};
    int rc = database == DB_PARTITIONS ? MDB_SUCCESS : take_off(w, database, &k);
    if (!rc)
        rc = mdb_cursor_put(w->cursor[database], &key, &data, MDB_RESERVE);
    *at = data.mv_data;
    return store_error(rc, e);
}

static void seal(struct write *w, unsigned database, const struct state_key *k, uint8_t *at, size_t bytes,
                 uint32_t values)
{
    w->at.total[database].count++;
    w->at.total[database].sum += row_seal(k, at, bytes, values);
}

static enum err put_values(struct write *w, uint32_t partition, const struct state_values_put *p, struct err_text *e)
{
    static const uint8_t head[VALUES_HEADER_BYTES] = {STATE_VERSION};
    size_t bytes = p->cell_count * sizeof *p->cell;
    uint8_t *at;
    struct state_key key = key_values(partition, p->series, p->unit, p->stage);
    enum err err = reserve(w, DB_VALUES, key, sizeof head + bytes, &at, e);
    if (err)
        return err_wrap(e, err, "values of unit %u", p->unit);
    memcpy(at, head, sizeof head);
    if (bytes)
        memcpy(at + sizeof head, p->cell, bytes);
    seal(w, DB_VALUES, &key, at, sizeof head + bytes, 0);
    return OK;
}

static enum err put_scores(struct write *w, uint32_t partition, const struct unit_score *p, struct err_text *e)
{
    size_t bytes = p->header.node_count * sizeof *p->points;
    uint8_t *at;
    uint32_t values;
    struct state_key key = key_scores(partition, p->series, p->unit);
    enum err err = row_values_sum(w->cursor[DB_VALUES], partition, p->series, p->unit, &values, e);
    if (!err)
        err = reserve(w, DB_SCORES, key, sizeof p->header + bytes, &at, e);
    if (err)
        return err_wrap(e, err, "scores of unit %u", p->unit);
    memcpy(at, &p->header, sizeof p->header);
    at[0] = STATE_VERSION;
    if (bytes)
        memcpy(at + sizeof p->header, p->points, bytes);
    seal(w, DB_SCORES, &key, at, sizeof p->header + bytes, values);
    return OK;
}

static enum err put_tally(struct write *w, uint32_t partition, const struct state_tally_put *p, struct err_text *e)
{
    uint8_t *at;
    struct state_key key = key_tally(partition, p->feeder);
    enum err err = reserve(w, DB_TALLIES, key, sizeof p->epoch + sizeof p->tally, &at, e);
    if (err)
        return err_wrap(e, err, "tally of feeder %u", p->feeder);
    memcpy(at, &p->epoch, sizeof p->epoch);
    memcpy(at + sizeof p->epoch, &p->tally, sizeof p->tally);
    seal(w, DB_TALLIES, &key, at, sizeof p->epoch + sizeof p->tally, 0);
    return OK;
}

/* Rare, so with a fresh cursor after it: LMDB 0.9.24's own, left where a key was deleted, are not to be trusted. */
static enum err delete_reject(struct write *w, struct state_key k, struct err_text *e)
{
    MDB_dbi dbi = w->s->store.dbi[DB_REJECTS];
    MDB_val key = store_val(k.bytes, k.size);
    int rc = take_off(w, DB_REJECTS, &k);
    mdb_cursor_close(w->cursor[DB_REJECTS]);
    w->cursor[DB_REJECTS] = NULL;
    if (!rc)
        rc = mdb_del(w->txn, dbi, &key, NULL);
    if (!rc || rc == MDB_NOTFOUND)
        rc = mdb_cursor_open(w->txn, dbi, &w->cursor[DB_REJECTS]);
    return store_error(rc, e);
}

static enum err put_reject(struct write *w, uint32_t partition, const struct state_reject_put *p, struct err_text *e)
{
    uint8_t *at;
    struct reject_header header = p->header;
    struct state_key key = key_reject(p->feeder, p->epoch, p->seq, p->row);
    if (p->gone)
        return err_wrap(e, delete_reject(w, key, e), "reject of feeder %u", p->feeder);
    enum err err = reserve(w, DB_REJECTS, key, sizeof header + header.detail_bytes, &at, e);
    if (err)
        return err_wrap(e, err, "reject of feeder %u", p->feeder);
    header.version = STATE_VERSION;
    header.partition = partition;
    memcpy(at, &header, sizeof header);
    if (header.detail_bytes)
        memcpy(at + sizeof header, p->detail, header.detail_bytes);
    seal(w, DB_REJECTS, &key, at, sizeof header + header.detail_bytes, 0);
    return OK;
}

static enum err put_cursor(struct write *w, uint32_t partition, struct err_text *e)
{
    uint8_t *at;
    struct state_key key = key_partition(partition);
    enum err err = reserve(w, DB_PARTITIONS, key, sizeof w->at, &at, e);
    if (err)
        return err_wrap(e, err, "cursor of partition %u", partition);
    memcpy(at, &w->at, sizeof w->at);
    row_seal(&key, at, sizeof w->at, 0);
    return OK;
}

static enum err put_all(struct write *w, const struct state_batch *b, struct err_text *e)
{
    enum err err = OK;
    for (size_t i = 0; i < b->values_count && !err; i++)
        err = put_values(w, b->partition, &b->values[i], e);
    for (size_t i = 0; i < b->scores_count && !err; i++)
        err = put_scores(w, b->partition, &b->scores[i], e);
    for (size_t i = 0; i < b->tallies_count && !err; i++)
        err = put_tally(w, b->partition, &b->tallies[i], e);
    for (size_t i = 0; i < b->rejects_count && !err; i++)
        err = put_reject(w, b->partition, &b->rejects[i], e);
    return err;
}

/* The check and the effects are one transaction: who lost the partition writes nothing, however late it wakes. Neither
 * does who cannot show that it still has it: a damaged cursor holds up no other partition, and the next claim tells. */
static enum err put_batch(struct write *w, struct state_batch *b, struct err_text *e)
{
    enum err err = row_cursor(w->s, w->txn, b->partition, &w->at, e);
    if (err && err != ERR_CORRUPT)
        return err;
    b->lost = err || w->at.cursor.owner_epoch != b->owner_epoch || w->at.cursor.applied != b->applied_before;
    if (b->lost)
        return OK;
    err = put_all(w, b, e);
    w->at.cursor.applied = b->applied;
    w->at.cursor.mark = b->mark;
    return err ? err : put_cursor(w, b->partition, e);
}

static enum err put_batches(struct state *s, MDB_txn *txn, struct state_batch *batch, size_t count, struct err_text *e)
{
    struct write w = {.s = s, .txn = txn};
    enum err err = open_cursors(&w, e);
    for (size_t i = 0; i < count && !err; i++)
        err = err_wrap(e, put_batch(&w, &batch[i], e), "partition %u", batch[i].partition);
    return err;
}

enum err state_commit(struct state *s, struct state_batch *batch, size_t count, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_write_begin(&s->store, &txn, e);
    if (!err) {
        err = put_batches(s, txn, batch, count, e);
        if (!err)
            err = store_write_commit(&s->store, &txn, e);
        store_write_abort(&s->store, &txn);
    }
    for (size_t i = 0; i < count && err; i++)
        batch[i].lost = false;
    return err_wrap(e, err, "commit to %s", s->store.path);
}

static enum err claim_one(struct write *w, struct state_claim *claim, struct err_text *e)
{
    claim->err = row_cursor(w->s, w->txn, claim->partition, &w->at, &claim->why);
    claim->cursor = w->at.cursor;
    if (!claim->err && claim->cursor.owner_epoch > claim->owner_epoch)
        claim->err = err_set(&claim->why, ERR_LOST, "it belongs to owner epoch %llu, not %llu",
                             (unsigned long long)claim->cursor.owner_epoch, (unsigned long long)claim->owner_epoch);
    if (claim->err) {
        err_wrap(&claim->why, claim->err, "take partition %u in %s", claim->partition, w->s->store.path);
        return OK;
    }
    claim->cursor.owner_epoch = w->at.cursor.owner_epoch = claim->owner_epoch;
    return put_cursor(w, claim->partition, e);
}

static enum err claim_all(struct state *s, MDB_txn *txn, struct state_claim *claim, size_t count, struct err_text *e)
{
    struct write w = {.s = s, .txn = txn};
    enum err err = open_cursors(&w, e);
    for (size_t i = 0; i < count && !err; i++)
        err = err_wrap(e, claim_one(&w, &claim[i], e), "partition %u", claim[i].partition);
    return err;
}

enum err state_claim(struct state *s, struct state_claim *claim, size_t count, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_write_begin(&s->store, &txn, e);
    if (!err) {
        err = claim_all(s, txn, claim, count, e);
        if (!err)
            err = store_write_commit(&s->store, &txn, e);
        store_write_abort(&s->store, &txn);
    }
    return err_wrap(e, err, "claim in %s", s->store.path);
}
