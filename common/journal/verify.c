/* All of the journal against itself. */
#include "base/plural.h"
#include "journal/internal.h"
#include <inttypes.h>
#include <string.h>

struct verification {
    struct journal *j;
    MDB_txn *txn;
    uint64_t tail[STORE_TAIL_NUMBERS];
    uint64_t *last; /* pseq, by partition */
    struct chain chain;
    MDB_cursor *records, *controls;
    journal_verify_fn *fn;
    journal_fault_fn *fault;
    void *ctx;
    uint64_t faults;
    bool broken[JOURNAL_PARTITIONS_MAX]; /* its next record may begin anywhere: the one before could not be read */
};

/* ---- records, as they lie: checksums, places, dense pseq ---- */

static enum err check_record(struct verification *v, const struct spot *spot, uint32_t *count, struct err_text *e)
{
    struct record_reader r;
    if (spot->partition >= v->j->partitions)
        return err_set(e, ERR_CORRUPT, "partition %u, and the journal has %u", spot->partition, v->j->partitions);
    enum err err = spot_open(spot, &r, e);
    if (err)
        return err;
    *count = r.header.count;
    if (spot->first != v->last[spot->partition] + 1 && !v->broken[spot->partition])
        return err_set(e, ERR_CORRUPT,
                       "partition %u, commit %" PRIu64 ": a record begins at pseq %" PRIu64 " where %" PRIu64 " is due",
                       spot->partition, spot->commit, spot->first, v->last[spot->partition] + 1);
    return OK;
}

/* All that is damaged is named, when somebody listens. */
static enum err take_record(struct verification *v, const struct spot *spot, struct err_text *e)
{
    struct err_text why = {""};
    uint32_t count = 0;
    enum err err = check_record(v, spot, &count, &why);
    if (err && (err != ERR_CORRUPT || !v->fault))
        return err_set(e, err, "%s", why.text);
    if (err) {
        v->fault(v->ctx, why.text);
        v->faults++;
    }
    if (spot->partition < v->j->partitions) {
        v->last[spot->partition] = spot->first + count - 1;
        v->broken[spot->partition] = count == 0;
    }
    return v->fn ? v->fn(v->ctx, spot->data.mv_size, e) : OK;
}

static enum err check_records(struct verification *v, struct err_text *e)
{
    struct finder f;
    struct spot spot = {0};
    uint64_t entries = 0;
    enum err err = finder_open(&f, v->j, v->txn, e);
    if (!err)
        err = finder_first(&f, 0, &spot, e);
    while (!err) {
        err = take_record(v, &spot, e);
        if (!err)
            err = finder_next(&f, &spot, e);
    }
    finder_close(&f);
    for (uint32_t p = 0; p < v->j->partitions; p++)
        entries += v->last[p];
    if (err != ERR_NOT_FOUND)
        return err;
    if (v->faults)
        return err_set(e, ERR_CORRUPT, "%" PRIu64 " %s damaged, or missing before it", v->faults,
                       plural(v->faults, "record is", "records are"));
    return entries == v->tail[TAIL_ENTRIES]
               ? OK
               : err_set(e, ERR_CORRUPT, "it has %" PRIu64 " entries, and should have %" PRIu64 ": its end is cut off",
                         entries, v->tail[TAIL_ENTRIES]);
}

/* ---- the index leads to each partition's end ---- */

static enum err check_ends(struct verification *v, struct err_text *e)
{
    enum err err = OK;
    for (uint32_t p = 0; p < v->j->partitions && !err; p++) {
        uint64_t last = 0;
        err = journal_last_pseq(v->j, p, &last, e);
        if (!err && last != v->last[p])
            err = err_set(e, ERR_CORRUPT, "partition %u: the index leads to pseq %" PRIu64 ", its records to %" PRIu64,
                          p, last, v->last[p]);
    }
    return err;
}

/* ---- the chain ---- */

static enum err broken(const struct verification *v, struct err_text *e)
{
    return err_set(e, ERR_CORRUPT,
                   "the chain breaks between commits %" PRIu64 " and %" PRIu64
                   ": what was written then is not what is there now",
                   v->chain.commit / BLOCK_COMMITS * BLOCK_COMMITS, v->chain.commit);
}

static enum err check_kept(struct verification *v, struct err_text *e)
{
    uint8_t commit[8];
    put_be64(commit, v->chain.commit);
    MDB_val key = store_val(commit, sizeof commit), data;
    int rc = mdb_get(v->txn, v->j->store.dbi[DB_CHAIN], &key, &data);
    if (rc && rc != MDB_NOTFOUND)
        return store_error(rc, e);
    bool same = !rc && data.mv_size == CHAIN_HASH_BYTES && !memcmp(data.mv_data, v->chain.hash, CHAIN_HASH_BYTES);
    return same ? OK : broken(v, e);
}

/* Up to where it was made; then it goes on for what lies there alone. */
static enum err check_link(struct verification *v, struct err_text *e)
{
    uint64_t chained = v->tail[TAIL_CHAINED];
    if (v->chain.commit == chained && memcmp(v->chain.hash, &v->tail[TAIL_HASH], CHAIN_HASH_BYTES) != 0)
        return broken(v, e);
    return v->chain.commit <= chained && block_of(v->chain.commit + 1) != block_of(v->chain.commit) ? check_kept(v, e)
                                                                                                    : OK;
}

static enum err check_chain(struct verification *v, struct err_text *e)
{
    enum err err = OK;
    chain_begin(&v->chain, v->j->id);
    if (v->tail[TAIL_CHAINED] > v->tail[TAIL_COMMIT])
        return err_set(e, ERR_CORRUPT, "its chain is at commit %" PRIu64 ", and it ends at %" PRIu64,
                       v->tail[TAIL_CHAINED], v->tail[TAIL_COMMIT]);
    while (!err && v->chain.commit < v->tail[TAIL_COMMIT]) {
        err = chain_extend(&v->chain, v->records, v->controls, e);
        if (!err)
            err = check_link(v, e);
        if (!err && v->fn)
            err = v->fn(v->ctx, 0, e);
    }
    if (!err && v->chain.control != v->tail[TAIL_CONTROL])
        err = err_set(e, ERR_CORRUPT, "a control belongs to no commit");
    return err;
}

static enum err verify(struct verification *v, struct err_text *e)
{
    int rc = mdb_cursor_open(v->txn, v->j->store.dbi[DB_RECORDS], &v->records);
    if (!rc)
        rc = mdb_cursor_open(v->txn, v->j->store.dbi[DB_CONTROLS], &v->controls);
    enum err err = rc ? store_error(rc, e) : store_tail(v->txn, v->tail, e);
    if (!err)
        err = check_records(v, e);
    if (!err)
        err = check_ends(v, e);
    if (!err)
        err = check_chain(v, e);
    if (v->records)
        mdb_cursor_close(v->records);
    if (v->controls)
        mdb_cursor_close(v->controls);
    return err;
}

enum err journal_verify(struct journal *j, journal_verify_fn *fn, journal_fault_fn *fault, void *ctx, uint64_t *last,
                        uint64_t *unchained, struct err_text *e)
{
    struct verification v = {.j = j, .last = last, .fn = fn, .fault = fault, .ctx = ctx};
    memset(last, 0, j->partitions * sizeof *last);
    enum err err = store_read_begin(&j->store, &v.txn, e);
    if (!err)
        err = verify(&v, e);
    *unchained = v.tail[TAIL_COMMIT] - v.tail[TAIL_CHAINED];
    store_read_end(&j->store, &v.txn);
    return err_wrap(e, err, "read %s", j->store.path);
}
