#include "base/buffer.h"
#include "base/plural.h"
#include "state/row.h"
#include <string.h>

/* Calls step for each key from `first` on whose first prefix_bytes are the same. */
struct walk {
    struct state *s;
    unsigned database;
    struct state_key first;
    size_t key_bytes, prefix_bytes;
    enum err (*step)(struct walk *w, const uint8_t *key, const MDB_val *data, struct err_text *e);
    bool more;       /* step clears it to stop */
    uint32_t series; /* scores: of this one alone; 0: of all */
    /* Values lie in pages at any even address; readers get an aligned copy. */
    struct buffer copy;
    struct row_total found; /* of the rows so far */
    state_scores_fn *scores;
    state_tally_fn *tally;
    state_reject_fn *reject;
    void *ctx;
};

static enum err open_row(struct walk *w, const MDB_val *key, MDB_val *data, struct err_text *e)
{
    struct row_trailer t;
    enum err err = row_open(key, data, &t, e);
    w->found.count++;
    w->found.sum += t.crc;
    return err_wrap(e, err, "row %llu", (unsigned long long)w->found.count);
}

/* After a walk through all of a partition's rows in a database: that none has vanished, nor an old one come back. */
static enum err check_total(const struct walk *w, const struct stored_cursor *c, struct err_text *e)
{
    const struct row_total *should = &c->total[w->database];
    if (!w->more || (w->found.count == should->count && w->found.sum == should->sum))
        return OK;
    return err_set(
        e, ERR_CORRUPT,
        "%llu rows of %s that add up to %llx, where %llu that add up to %llx should be; " STATE_IS_MADE_AGAIN,
        (unsigned long long)w->found.count, w->database == DB_SCORES ? "scores" : "tallies",
        (unsigned long long)w->found.sum, (unsigned long long)should->count, (unsigned long long)should->sum);
}

/* It keeps nobody from the others: they are told one by one. */
static enum err reject_damaged(struct walk *w, const uint8_t *key, const struct err_text *why)
{
    w->more =
        w->reject(w->ctx, get_be32(key), get_be64(key + 4), get_be64(key + 12), get_be32(key + 20), NULL, why->text);
    return OK;
}

static enum err walk_cursor(struct walk *w, MDB_cursor *cursor, struct err_text *e)
{
    MDB_val key = store_val(w->first.bytes, w->first.size), data;
    enum err err = OK;
    int rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    for (w->more = true; !rc && !err && w->more; rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        if (key.mv_size != w->key_bytes)
            return err_set(e, ERR_CORRUPT, "a key of %zu %s", key.mv_size, plural(key.mv_size, "byte", "bytes"));
        if (memcmp(key.mv_data, w->first.bytes, w->prefix_bytes) != 0)
            break;
        err = open_row(w, &key, &data, e);
        if (!err)
            err = w->step(w, key.mv_data, &data, e);
        if (err == ERR_CORRUPT && w->reject)
            err = reject_damaged(w, key.mv_data, e);
    }
    return err || !rc || rc == MDB_NOTFOUND ? err : store_error(rc, e);
}

static enum err walk_in(struct walk *w, MDB_txn *txn, struct err_text *e)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, w->s->store.dbi[w->database], &cursor);
    if (rc)
        return store_error(rc, e);
    enum err err = walk_cursor(w, cursor, e);
    mdb_cursor_close(cursor);
    buffer_free(&w->copy);
    return err;
}

static enum err walk(struct walk *w, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_read_begin(&w->s->store, &txn, e);
    if (!err)
        err = walk_in(w, txn, e);
    store_read_end(&w->s->store, &txn);
    return err;
}

/* An aligned copy with a NUL behind it, after checking version and least size. */
static enum err take(struct walk *w, const MDB_val *data, size_t least, struct err_text *e)
{
    uint8_t version = data->mv_size ? *(const uint8_t *)data->mv_data : 0;
    if (version != STATE_VERSION)
        return err_set(e, ERR_VERSION, "a value of version %u, this program knows version %u", version, STATE_VERSION);
    if (data->mv_size < least)
        return err_set(e, ERR_CORRUPT, "a value of %zu %s", data->mv_size, plural(data->mv_size, "byte", "bytes"));
    buffer_clear(&w->copy);
    buffer_append(&w->copy, data->mv_data, data->mv_size);
    buffer_append(&w->copy, "", 1);
    return OK;
}

static enum err walk_partition(struct walk *w, uint32_t partition, struct stored_cursor *c, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_read_begin(&w->s->store, &txn, e);
    if (!err)
        err = row_cursor(w->s, txn, partition, c, e);
    if (!err)
        err = walk_in(w, txn, e);
    if (!err)
        err = check_total(w, c, e);
    store_read_end(&w->s->store, &txn);
    return err;
}

static enum err scores_step(struct walk *w, const uint8_t *key, const MDB_val *data, struct err_text *e)
{
    uint32_t series = get_be32(key + 2), unit = get_be32(key + 6);
    if (w->series && series != w->series)
        return OK;
    enum err err = take(w, data, sizeof(struct score_header), e);
    const struct score_header *header = (const void *)w->copy.data;
    if (!err && data->mv_size != sizeof *header + header->node_count * sizeof(int64_t))
        err = err_set(e, ERR_CORRUPT, "%u %s in %zu bytes", header->node_count,
                      plural(header->node_count, "node", "nodes"), data->mv_size);
    if (err)
        return err_wrap(e, err, "scores of series %u unit %u", series, unit);
    w->more = w->scores(w->ctx, series, unit, header, (const int64_t *)(header + 1));
    return OK;
}

enum err state_scores_each(struct state *s, uint32_t partition, uint32_t series, struct state_cursor *cursor,
                           state_scores_fn *fn, void *ctx, struct err_text *e)
{
    struct walk w = {.s = s,
                     .database = DB_SCORES,
                     .step = scores_step,
                     .prefix_bytes = 2, /* all series: only then it shows when a row has vanished */
                     .series = series,
                     .scores = fn,
                     .ctx = ctx};
    w.first = key_scores(partition, 0, 0);
    w.key_bytes = w.first.size;
    struct stored_cursor stored = {0};
    enum err err = walk_partition(&w, partition, &stored, e);
    *cursor = stored.cursor;
    return err_wrap(e, err, "read %s: partition %u", s->store.path, partition);
}

static enum err tally_step(struct walk *w, const uint8_t *key, const MDB_val *data, struct err_text *e)
{
    uint64_t epoch;
    struct tally tally;
    if (data->mv_size != sizeof epoch + sizeof tally)
        return err_set(e, ERR_CORRUPT, "tally of feeder %u: %zu %s", get_be32(key + 2), data->mv_size,
                       plural(data->mv_size, "byte", "bytes"));
    memcpy(&epoch, data->mv_data, sizeof epoch);
    memcpy(&tally, (const uint8_t *)data->mv_data + sizeof epoch, sizeof tally);
    w->more = w->tally(w->ctx, get_be32(key + 2), epoch, &tally);
    return OK;
}

enum err state_tallies_each(struct state *s, uint32_t partition, state_tally_fn *fn, void *ctx, struct err_text *e)
{
    struct walk w = {.s = s, .database = DB_TALLIES, .step = tally_step, .prefix_bytes = 2, .tally = fn, .ctx = ctx};
    w.first = key_tally(partition, 0);
    w.key_bytes = w.first.size;
    struct stored_cursor stored;
    return err_wrap(e, walk_partition(&w, partition, &stored, e), "read %s: partition %u", s->store.path, partition);
}

static enum err reject_step(struct walk *w, const uint8_t *key, const MDB_val *data, struct err_text *e)
{
    uint32_t feeder = get_be32(key), row = get_be32(key + 20);
    uint64_t epoch = get_be64(key + 4), seq = get_be64(key + 12);
    enum err err = take(w, data, sizeof(struct reject_header), e);
    const struct reject_header *header = (const void *)w->copy.data;
    if (!err && data->mv_size != sizeof *header + header->detail_bytes)
        err = err_set(e, ERR_CORRUPT, "detail of %u %s in %zu", header->detail_bytes,
                      plural(header->detail_bytes, "byte", "bytes"), data->mv_size);
    if (err)
        return err_wrap(e, err, "reject of feeder %u seq %llu", feeder, (unsigned long long)seq);
    w->more = w->reject(w->ctx, feeder, epoch, seq, row, header, (const char *)(header + 1));
    return OK;
}

enum err state_rejects_each(struct state *s, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                            state_reject_fn *fn, void *ctx, struct err_text *e)
{
    struct err_text ours = {""};
    e = e ? e : &ours; /* a damaged row is told in any case */
    struct walk w = {.s = s, .database = DB_REJECTS, .step = reject_step, .reject = fn, .ctx = ctx};
    w.first = key_reject(feeder, epoch, seq, row);
    w.key_bytes = w.first.size;
    return err_wrap(e, walk(&w, e), "read %s", s->store.path);
}
