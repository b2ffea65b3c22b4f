#include "base/plural.h"
#include "journal/internal.h"
#include <string.h>

static enum err read_key(struct spot *spot, const MDB_val *key, struct err_text *e)
{
    const uint8_t *raw = key->mv_data;
    if (key->mv_size != RECORD_KEY_BYTES)
        return err_set(e, ERR_CORRUPT, "the key of a record has %zu %s", key->mv_size,
                       plural(key->mv_size, "byte", "bytes"));
    spot->commit = get_be64(raw);
    spot->partition = get_be16(raw + 8);
    spot->first = get_be64(raw + 10);
    return OK;
}

static enum err move(struct finder *f, MDB_cursor_op op, MDB_val *key, struct spot *spot, struct err_text *e)
{
    int rc = mdb_cursor_get(f->records, key, &spot->data, op);
    return rc ? store_error(rc, e) : read_key(spot, key, e);
}

static enum err find_last_commit(struct finder *f, struct err_text *e)
{
    uint64_t tail[STORE_TAIL_NUMBERS];
    enum err err = store_tail(f->txn, tail, e);
    f->last_commit = err ? 0 : tail[TAIL_COMMIT];
    return err;
}

enum err finder_open(struct finder *f, struct journal *j, MDB_txn *txn, struct err_text *e)
{
    *f = (struct finder){.j = j, .txn = txn};
    int rc = mdb_cursor_open(txn, j->store.dbi[DB_RECORDS], &f->records);
    if (!rc)
        rc = mdb_cursor_open(txn, j->store.dbi[DB_INDEX], &f->index);
    enum err err = rc ? store_error(rc, e) : find_last_commit(f, e);
    if (err)
        finder_close(f);
    return err;
}

void finder_close(struct finder *f)
{
    if (f->records)
        mdb_cursor_close(f->records);
    if (f->index)
        mdb_cursor_close(f->index);
    f->records = f->index = NULL;
}

enum err finder_hop(struct finder *f, uint32_t partition, uint64_t commit, uint64_t pseq, struct spot *spot,
                    struct err_text *e)
{
    uint64_t block = block_of(commit);
    while (block_of(commit) == block) {
        uint8_t raw[RECORD_KEY_BYTES];
        make_record_key(raw, commit, partition, pseq);
        MDB_val key = store_val(raw, sizeof raw);
        enum err err = move(f, MDB_SET_RANGE, &key, spot, e);
        if (!err && key.mv_size == sizeof raw && memcmp(key.mv_data, raw, sizeof raw) < 0)
            err = err_set(e, ERR_CORRUPT, "the keys of records are out of order: a page is damaged");
        if (err || (spot->commit == commit && spot->partition == partition))
            return err;
        if (block_of(spot->commit) !=
            block) /* and no sum with the commit of a damaged key, which may be the last number */
            break;
        /* Found the next key instead: the earliest commit that can still hold one of ours follows from it. */
        commit = spot->commit + (spot->partition > partition);
        pseq = 0;
    }
    return err_set(e, ERR_NOT_FOUND, "no further record in this block");
}

enum err finder_first(struct finder *f, uint64_t commit, struct spot *spot, struct err_text *e)
{
    uint8_t raw[RECORD_KEY_BYTES];
    make_record_key(raw, commit, 0, 0);
    MDB_val key = store_val(raw, sizeof raw);
    return move(f, MDB_SET_RANGE, &key, spot, e);
}

enum err finder_next(struct finder *f, struct spot *spot, struct err_text *e)
{
    MDB_val key;
    return move(f, MDB_NEXT, &key, spot, e);
}

/* Reads the entry that the index cursor is on; *first stays 0 when it is another partition's. */
static enum err read_entry(uint32_t partition, const MDB_val *key, const MDB_val *data, uint64_t *first,
                           struct index_value *value, struct err_text *e)
{
    if (key->mv_size != INDEX_KEY_BYTES || data->mv_size != sizeof *value)
        return err_set(e, ERR_CORRUPT, "an index entry has a key of %zu and a value of %zu %s", key->mv_size,
                       data->mv_size, plural(data->mv_size, "byte", "bytes"));
    if (get_be16(key->mv_data) != partition)
        return OK;
    *first = get_be64((const uint8_t *)key->mv_data + 2);
    memcpy(value, data->mv_data, sizeof *value);
    if (index_crc(key->mv_data, value) != value->crc)
        return err_set(e, ERR_CORRUPT, "an index entry of partition %u is damaged", partition);
    return OK;
}

enum err finder_index(struct finder *f, uint32_t partition, uint64_t pseq, struct index_entry *entry,
                      struct err_text *e)
{
    uint8_t raw[INDEX_KEY_BYTES];
    *entry = (struct index_entry){0};
    make_index_key(raw, partition, pseq);
    MDB_val key = store_val(raw, sizeof raw), data;
    int rc = mdb_cursor_get(f->index, &key, &data, MDB_SET_RANGE);
    if (rc && rc != MDB_NOTFOUND)
        return store_error(rc, e);
    enum err err = rc ? OK : read_entry(partition, &key, &data, &entry->after, &entry->value, e);
    if (err)
        return err;
    if (entry->after == pseq && pseq) {
        entry->first = pseq;
        entry->after = 0;
        return OK;
    }
    rc = mdb_cursor_get(f->index, &key, &data, rc ? MDB_LAST : MDB_PREV);
    if (rc)
        return rc == MDB_NOTFOUND ? OK : store_error(rc, e);
    return read_entry(partition, &key, &data, &entry->first, &entry->value, e);
}

enum err finder_indexed_last(struct finder *f, uint32_t partition, uint64_t *last, struct err_text *e)
{
    struct index_entry entry;
    enum err err = finder_index(f, partition, UINT64_MAX, &entry, e);
    *last = !err && entry.first ? entry.value.last : 0;
    return err;
}

static enum err check_place(const struct spot *spot, const struct record_header *h, struct err_text *e)
{
    if (h->partition == spot->partition && h->first_pseq == spot->first && h->commit == spot->commit)
        return OK;
    return err_set(e, ERR_CORRUPT, "the record found there is that of partition %u, pseq %llu, commit %llu",
                   h->partition, (unsigned long long)h->first_pseq, (unsigned long long)h->commit);
}

static enum err spot_error(const struct spot *spot, enum err err, struct err_text *e)
{
    return err_wrap(e, err, "partition %u, pseq %llu, commit %llu", spot->partition, (unsigned long long)spot->first,
                    (unsigned long long)spot->commit);
}

enum err spot_open(const struct spot *spot, struct record_reader *r, struct err_text *e)
{
    enum err err = record_open(r, spot->data.mv_data, spot->data.mv_size, e);
    if (!err)
        err = check_place(spot, &r->header, e);
    return spot_error(spot, err, e);
}

enum err spot_count(const struct spot *spot, uint32_t *count, struct err_text *e)
{
    struct record_header header;
    enum err err = record_header_read(&header, spot->data.mv_data, spot->data.mv_size, e);
    if (!err)
        err = check_place(spot, &header, e);
    *count = err ? 0 : header.count;
    return spot_error(spot, err, e);
}
