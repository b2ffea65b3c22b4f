#include "journal/internal.h"
#include <string.h>

/* One group on its way into the database. */
struct write {
    struct journal *j;
    MDB_txn *txn;
    const struct journal_group *group;
    uint64_t commit;
    uint8_t key_before[RECORD_KEY_BYTES]; /* zero: none; every key is greater */
};

static void extend(struct reach *r, uint64_t commit, uint64_t first, uint32_t count)
{
    if (block_of(r->commit) != block_of(commit) || r->commit == 0) {
        r->commit = commit;
        r->first = first;
    }
    r->last = first + count - 1;
}

/* It is not sealed yet. */
static enum err count_of(const struct journal_put *p, uint32_t *count, struct err_text *e)
{
    struct record_header header = {0};
    if (p->bytes >= sizeof header)
        memcpy(&header, p->record, sizeof header);
    *count = header.count;
    return header.count ? OK : err_set(e, ERR_INVALID, "partition %u: a record that counts nothing", p->partition);
}

/* Right in the page: the record is copied once, and only its copy knows the commit. */
static enum err put_sealed(struct write *w, MDB_cursor *cursor, const struct journal_put *p, struct err_text *e)
{
    uint8_t raw[RECORD_KEY_BYTES];
    make_record_key(raw, w->commit, p->partition, p->first_pseq);
    MDB_val key = store_val(raw, sizeof raw), data = {.mv_size = p->bytes};
    bool ascending = memcmp(raw, w->key_before, sizeof raw) > 0;
    int rc = mdb_cursor_put(cursor, &key, &data, MDB_RESERVE | (ascending ? MDB_APPEND : MDB_NOOVERWRITE));
    if (rc == MDB_KEYEXIST && ascending) /* the last key is damaged, and greater than all that come */
        rc = mdb_cursor_put(cursor, &key, &data, MDB_RESERVE | MDB_NOOVERWRITE);
    if (rc)
        return store_error(rc, e);
    memcpy(data.mv_data, p->record, p->bytes);
    record_seal(data.mv_data, p->bytes,
                &(struct record_place){.partition = p->partition, .first_pseq = p->first_pseq, .commit = w->commit});
    if (ascending)
        memcpy(w->key_before, raw, sizeof raw);
    return OK;
}

static enum err put(struct write *w, MDB_cursor *cursor, const struct journal_put *p, struct err_text *e)
{
    ASSERT(p->partition < w->j->partitions);
    struct reach *reach = &w->j->pending[p->partition];
    uint32_t count = 0;
    if (count_of(p, &count, e))
        return ERR_INVALID;
    if (p->first_pseq != reach->last + 1)
        return err_set(e, ERR_INVALID, "partition %u: record begins at pseq %llu, the last one is %llu", p->partition,
                       (unsigned long long)p->first_pseq, (unsigned long long)reach->last);
    enum err err = put_sealed(w, cursor, p, e);
    if (err)
        return err_wrap(e, err, "partition %u, record %llu", p->partition, (unsigned long long)p->first_pseq);
    extend(reach, w->commit, p->first_pseq, count);
    w->j->store.tail[TAIL_COMMIT] = w->commit;
    w->j->store.tail[TAIL_ENTRIES] += count;
    return OK;
}

/* Once in BLOCK_COMMITS commits, so that its scattered pages cost little. */
static enum err put_index(struct write *w, struct err_text *e)
{
    for (uint32_t p = 0; p < w->j->partitions; p++) {
        const struct reach *reach = &w->j->pending[p];
        if (reach->commit == 0 || block_of(reach->commit) != block_of(w->commit))
            continue;
        uint8_t raw[INDEX_KEY_BYTES];
        struct index_value value = {.commit = reach->commit, .last = reach->last};
        make_index_key(raw, p, reach->first);
        value.crc = index_crc(raw, &value);
        MDB_val key = store_val(raw, sizeof raw), data = store_val(&value, sizeof value);
        int rc = mdb_put(w->txn, w->j->store.dbi[DB_INDEX], &key, &data, MDB_NOOVERWRITE);
        if (rc)
            return err_wrap(e, store_error(rc, e), "index of partition %u", p);
    }
    return OK;
}

static enum err put_records(struct write *w, struct err_text *e)
{
    MDB_cursor *cursor;
    const struct journal_group *g = w->group;
    if (!g->put_count)
        return OK;
    enum err err = store_error(mdb_cursor_open(w->txn, w->j->store.dbi[DB_RECORDS], &cursor), e);
    if (err)
        return err;
    for (size_t i = 0; i < g->put_count && !err; i++)
        err = put(w, cursor, &g->put[i], e);
    mdb_cursor_close(cursor);
    bool block_is_full = block_of(w->commit + 1) != block_of(w->commit);
    return err || !block_is_full ? err : put_index(w, e);
}

/* The tail follows: one mark more, or another one in its place. */
static void count_mark(struct journal *j, MDB_txn *txn, const uint8_t *number, uint32_t crc)
{
    struct feeder_value before = {0};
    MDB_val key = store_val(number, sizeof(uint32_t)), data;
    if (mdb_get(txn, j->store.dbi[DB_FEEDERS], &key, &data) == MDB_SUCCESS && data.mv_size == sizeof before)
        memcpy(&before, data.mv_data, sizeof before);
    j->store.tail[TAIL_FEEDERS] += before.version == 0;
    j->store.tail[TAIL_FEEDERS_SUM] += crc - (uint64_t)before.crc;
}

static enum err put_feeder(struct journal *j, MDB_txn *txn, const struct journal_mark *m, struct err_text *e)
{
    uint8_t number[4];
    struct feeder_value value = {.version = FEEDER_VERSION,
                                 .without_outbox = m->value.without_outbox,
                                 .free = m->value.free,
                                 .removed = m->value.removed,
                                 .epoch = m->value.epoch,
                                 .last_seq = m->value.last_seq,
                                 .refused = m->value.refused,
                                 .digest = m->value.digest,
                                 .line = m->value.line};
    memcpy(value.name, m->value.name, strnlen(m->value.name, FEEDER_NAME_BYTES - 1));
    put_be32(number, m->feeder);
    value.crc = feeder_crc(number, &value);
    count_mark(j, txn, number, value.crc);
    MDB_val key = store_val(number, sizeof number), data = store_val(&value, sizeof value);
    int rc = mdb_put(txn, j->store.dbi[DB_FEEDERS], &key, &data, 0);
    return err_wrap(e, store_error(rc, e), "feeder %u", m->feeder);
}

static enum err put_control(struct journal *j, MDB_txn *txn, const struct journal_control *c, uint64_t last,
                            struct err_text *e)
{
    if (c->seq != last + 1)
        return err_set(e, ERR_INVALID, "control %llu, the last one is %llu", (unsigned long long)c->seq,
                       (unsigned long long)last);
    uint8_t seq[8];
    struct control_header h = {.commit = j->last_commit + 1};
    put_be64(seq, c->seq);
    h.crc = control_crc(seq, h.commit, c->packed, c->bytes);
    MDB_val key = store_val(seq, sizeof seq), data = {.mv_size = sizeof h + c->bytes};
    int rc = mdb_put(txn, j->store.dbi[DB_CONTROLS], &key, &data, MDB_NOOVERWRITE | MDB_RESERVE);
    if (!rc) {
        memcpy(data.mv_data, &h, sizeof h);
        memcpy((uint8_t *)data.mv_data + sizeof h, c->packed, c->bytes);
        j->store.tail[TAIL_CONTROL] = c->seq;
    }
    return err_wrap(e, store_error(rc, e), "control %llu", (unsigned long long)c->seq);
}

static enum err put_group(struct journal *j, MDB_txn *txn, const struct journal_group *g, struct err_text *e)
{
    struct write w = {.j = j, .txn = txn, .group = g, .commit = j->last_commit + 1};
    enum err err = put_records(&w, e);
    for (size_t i = 0; i < g->mark_count && !err; i++)
        err = put_feeder(j, txn, &g->mark[i], e);
    for (size_t i = 0; i < g->control_count && !err; i++)
        err = put_control(j, txn, &g->control[i], j->last_control + i, e);
    return err ? err : chaining_put(j, txn, e);
}

/* What the group changed in memory follows the disk: forward after a commit, back otherwise. */
static void follow_disk(struct journal *j, const struct journal_group *g, bool committed)
{
    struct reach *to = committed ? j->reach : j->pending;
    const struct reach *from = committed ? j->pending : j->reach;
    for (size_t i = 0; i < g->put_count; i++)
        to[g->put[i].partition] = from[g->put[i].partition];
    if (committed) {
        j->last_control += g->control_count;
        j->last_commit += g->put_count > 0;
        chaining_kept(j);
    }
}

enum err journal_write_begin(struct journal *j, MDB_txn **txn, struct err_text *e)
{
    enum err err = store_write_begin(&j->store, txn, e);
    if (!err)
        err = journal_check_term(j, *txn, e);
    /* When the environment was opened anew, whether the failed group is in it is for the disk to say. */
    return err || j->generation == j->store.generation ? err : journal_load_reach(j, *txn, e);
}

/* OK: the group is the next one. ERR_BUSY: it is there already. */
static enum err place(struct journal *j, MDB_txn *txn, const struct journal_group *g, struct err_text *e)
{
    if (!g->put_count || g->commit == j->last_commit + 1)
        return OK;
    if (g->commit == 0 || g->commit != j->last_commit)
        return err_set(e, ERR_LOST,
                       "commit %llu is to be written, and the last one there is %llu: somebody else writes this "
                       "journal, or it is not the one it was",
                       (unsigned long long)g->commit, (unsigned long long)j->last_commit);
    enum err err = journal_compare(j, txn, g, e);
    return err ? err : ERR_BUSY;
}

/* It was read, which does not say that the disk has it; a transaction that is synced after it does. */
static enum err confirm(struct journal *j, MDB_txn **txn, struct err_text *e)
{
    enum err err = store_meta_put(&j->store, *txn, "term", j->term, e);
    return err ? err : store_write_commit(&j->store, txn, e);
}

static enum err write_group(struct journal *j, MDB_txn **txn, const struct journal_group *g, struct err_text *e)
{
    enum err err = put_group(j, *txn, g, e);
    if (!err)
        err = store_write_commit(&j->store, txn, e);
    follow_disk(j, g, err == OK);
    return err;
}

/* look: only whether it is there. */
static enum err append(struct journal *j, const struct journal_group *g, bool look, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = journal_write_begin(j, &txn, e);
    if (!err) {
        err = place(j, txn, g, e);
        if (err == ERR_BUSY)
            err = confirm(j, &txn, e);
        else if (!err)
            err = look ? ERR_NOT_FOUND : write_group(j, &txn, g, e);
    }
    store_write_abort(&j->store, &txn);
    return err;
}

enum err journal_append(struct journal *j, const struct journal_group *g, struct err_text *e)
{
    ASSERT(j->reach);
    enum err err = append(j, g, false, e);
    if (err == ERR_IO && append(j, g, true, NULL) == OK) /* the commit failed at its end */
        return OK;
    return err_wrap(e, err, "append to %s", j->store.path);
}
