#include "base/plural.h"
#include "journal/internal.h"
#include <string.h>

/* Calls step for each key of a database from `first` on, until it returns an error or clears *more. */
struct walk {
    struct journal *j;
    unsigned database;
    MDB_val first;
    enum err (*step)(struct walk *w, const MDB_val *key, const MDB_val *data, struct err_text *e);
    bool more;
    uint64_t next;       /* controls: the seq that is due */
    uint64_t found, sum; /* feeders */
    journal_control_fn *control;
    journal_feeder_fn *feeder;
    void *ctx;
};

static enum err walk_cursor(struct walk *w, MDB_cursor *cursor, struct err_text *e)
{
    MDB_val key = w->first, data;
    enum err err = OK;
    int rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    for (w->more = true; !rc && !err && w->more; rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT))
        err = w->step(w, &key, &data, e);
    return err || !rc || rc == MDB_NOTFOUND ? err : store_error(rc, e);
}

/* Of a walk to the end: that nothing is missing there, and no mark is an old one. */
static enum err check_end(const struct walk *w, MDB_txn *txn, struct err_text *e)
{
    uint64_t tail[STORE_TAIL_NUMBERS];
    enum err err = store_tail(txn, tail, e);
    if (!err && w->control && w->next <= tail[TAIL_CONTROL])
        err = err_set(e, ERR_CORRUPT, "the controls end at %llu, and should at %llu", (unsigned long long)w->next - 1,
                      (unsigned long long)tail[TAIL_CONTROL]);
    if (!err && w->feeder && (w->found != tail[TAIL_FEEDERS] || w->sum != tail[TAIL_FEEDERS_SUM]))
        err = err_set(e, ERR_CORRUPT, "%llu feeders have a mark, and %llu should, or a mark is an old one",
                      (unsigned long long)w->found, (unsigned long long)tail[TAIL_FEEDERS]);
    return err;
}

static enum err walk(struct walk *w, struct err_text *e)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    enum err err = store_read_begin(&w->j->store, &txn, e);
    if (err)
        return err;
    err = store_error(mdb_cursor_open(txn, w->j->store.dbi[w->database], &cursor), e);
    if (!err)
        err = walk_cursor(w, cursor, e);
    if (!err && w->more)
        err = check_end(w, txn, e);
    if (cursor)
        mdb_cursor_close(cursor);
    store_read_end(&w->j->store, &txn);
    return err;
}

static enum err control_step(struct walk *w, const MDB_val *key, const MDB_val *data, struct err_text *e)
{
    uint64_t seq = key->mv_size == 8 ? get_be64(key->mv_data) : 0;
    if (seq != w->next)
        return err_set(e, ERR_CORRUPT, "control %llu found where %llu is due", (unsigned long long)seq,
                       (unsigned long long)w->next);
    w->next++;
    struct control_header h;
    const uint8_t *packed = (const uint8_t *)data->mv_data + sizeof h;
    if (data->mv_size < sizeof h)
        return err_set(e, ERR_CORRUPT, "control %llu is cut off", (unsigned long long)seq);
    memcpy(&h, data->mv_data, sizeof h);
    size_t bytes = data->mv_size - sizeof h;
    enum err err = control_crc(key->mv_data, h.commit, packed, bytes) == h.crc
                       ? w->control(w->ctx, seq, packed, bytes, e)
                       : err_set(e, ERR_CORRUPT, "its checksum is wrong");
    return err_wrap(e, err, "control %llu", (unsigned long long)seq);
}

enum err journal_controls(struct journal *j, uint64_t from, journal_control_fn *fn, void *ctx, struct err_text *e)
{
    uint8_t seq[8];
    put_be64(seq, from ? from : 1);
    struct walk w = {.j = j,
                     .database = DB_CONTROLS,
                     .first = store_val(seq, sizeof seq),
                     .step = control_step,
                     .next = from ? from : 1,
                     .control = fn,
                     .ctx = ctx};
    return err_wrap(e, walk(&w, e), "read %s", j->store.path);
}

static enum err feeder_step(struct walk *w, const MDB_val *key, const MDB_val *data, struct err_text *e)
{
    struct feeder_value value;
    if (key->mv_size != 4 || data->mv_size != sizeof value)
        return err_set(e, ERR_CORRUPT, "feeder: key of %zu %s, value of %zu", key->mv_size,
                       plural(key->mv_size, "byte", "bytes"), data->mv_size);
    uint32_t number = get_be32(key->mv_data);
    memcpy(&value, data->mv_data, sizeof value);
    if (value.version != FEEDER_VERSION)
        return err_set(e, ERR_VERSION, "feeder %u: value of version %u, this program knows version %u", number,
                       value.version, FEEDER_VERSION);
    if (feeder_crc(key->mv_data, &value) != value.crc)
        return err_set(e, ERR_CORRUPT, "feeder %u: its checksum is wrong", number);
    w->found++;
    w->sum += value.crc;
    struct journal_feeder feeder = {.epoch = value.epoch,
                                    .last_seq = value.last_seq,
                                    .refused = value.refused,
                                    .digest = value.digest,
                                    .line = value.line,
                                    .without_outbox = value.without_outbox,
                                    .free = value.free,
                                    .removed = value.removed};
    memcpy(feeder.name, value.name, sizeof feeder.name - 1);
    w->more = w->feeder(w->ctx, number, &feeder);
    return OK;
}

enum err journal_feeders(struct journal *j, journal_feeder_fn *fn, void *ctx, struct err_text *e)
{
    struct walk w = {.j = j,
                     .database = DB_FEEDERS,
                     .first = store_val("\0\0\0\0", 4),
                     .step = feeder_step,
                     .feeder = fn,
                     .ctx = ctx};
    return err_wrap(e, walk(&w, e), "read %s", j->store.path);
}
