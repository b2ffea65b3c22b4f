#include "journal/internal.h"

struct run {
    struct finder finder;
    uint32_t partition;
    uint64_t next; /* the pseq that is due */
    size_t bytes_left;
    journal_record_fn *fn;
    void *ctx;
};

static enum err gap(const struct run *r, uint64_t found, uint64_t commit, struct err_text *e)
{
    return err_set(e, ERR_CORRUPT,
                   "partition %u: a record begins at pseq %llu where %llu is due (commit %llu, or one before it)",
                   r->partition, (unsigned long long)found, (unsigned long long)r->next, (unsigned long long)commit);
}

/* One that is in the wrong place says so itself. */
static enum err not_due(const struct run *r, const struct spot *spot, struct err_text *e)
{
    uint32_t count;
    enum err err = spot_count(spot, &count, e);
    return err ? err : gap(r, spot->first, spot->commit, e);
}

/* In the block of `commit`, to the record that holds `next`. */
static enum err skip_to_next(struct run *r, uint64_t commit, struct spot *spot, struct err_text *e)
{
    uint32_t count = 0;
    enum err err = finder_hop(&r->finder, r->partition, commit, 0, spot, e);
    while (!err) {
        err = spot_count(spot, &count, e);
        if (err || spot->first > r->next)
            return err ? err : gap(r, spot->first, spot->commit, e);
        if (r->next - spot->first < count)
            return OK;
        err = finder_hop(&r->finder, r->partition, spot->commit, spot->first + 1, spot, e);
    }
    return err;
}

/* To the record that holds `next`. ERR_NOT_FOUND: the partition ends before it. */
static enum err locate(struct run *r, struct spot *spot, struct err_text *e)
{
    struct index_entry entry;
    enum err err = finder_index(&r->finder, r->partition, r->next, &entry, e);
    if (err)
        return err;
    if (entry.first && r->next <= entry.value.last) {
        err = skip_to_next(r, entry.value.commit, spot, e);
        return err != ERR_NOT_FOUND ? err
                                    : err_set(e, ERR_CORRUPT, "partition %u: no record holds pseq %llu", r->partition,
                                              (unsigned long long)r->next);
    }
    return entry.after ? gap(r, entry.after, entry.value.commit, e)
                       : skip_to_next(r, tail_start(r->finder.last_commit), spot, e);
}

/* To the partition's record after this one. */
static enum err advance(struct run *r, struct spot *spot, struct err_text *e)
{
    struct spot before = *spot;
    enum err err = finder_hop(&r->finder, r->partition, before.commit, before.first + 1, spot, e);
    if (err == ERR_NOT_FOUND && before.commit < tail_start(r->finder.last_commit))
        return locate(r, spot, e);
    return !err && spot->first != r->next ? not_due(r, spot, e) : err;
}

static enum err hand_out(struct run *r, const struct spot *spot, bool *more, struct err_text *e)
{
    struct record_reader reader;
    enum err err = spot_open(spot, &reader, e);
    if (err)
        return err;
    r->next = spot->first + reader.header.count;
    r->bytes_left -= spot->data.mv_size < r->bytes_left ? spot->data.mv_size : r->bytes_left;
    *more = r->fn(r->ctx, spot->first, spot->data.mv_data, spot->data.mv_size) && r->bytes_left > 0;
    return OK;
}

static enum err read_run(struct run *r, struct err_text *e)
{
    struct spot spot = {0};
    bool more = true;
    enum err err = locate(r, &spot, e);
    while (!err && more) {
        err = hand_out(r, &spot, &more, e);
        if (!err && more)
            err = advance(r, &spot, e);
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err journal_read(struct journal *j, uint32_t partition, uint64_t from_pseq, size_t bytes_max,
                      journal_record_fn *fn, void *ctx, struct err_text *e)
{
    struct run r = {.partition = partition, .next = from_pseq ? from_pseq : 1, .bytes_left = bytes_max};
    r.fn = fn;
    r.ctx = ctx;
    MDB_txn *txn;
    enum err err = store_read_begin(&j->store, &txn, e);
    if (!err)
        err = finder_open(&r.finder, j, txn, e);
    if (!err)
        err = read_run(&r, e);
    finder_close(&r.finder);
    store_read_end(&j->store, &txn);
    return err_wrap(e, err, "read %s", j->store.path);
}
