/* When the chain (chain.c) is made: behind the receipts. A commit is hashed after it was confirmed, out of the map,
 * where its pages still lie in memory. What was hashed is written down with the next transaction that there is, or in
 * one of its own when there is none for a while. After a kill or a power cut the hashes since then are made again out
 * of the same records, and are the same.
 *
 * Until a commit is in the chain, its records have their checksums, their places and the tail's counts: damage, a hole
 * and a cut end show all the same. What does not show is a record that somebody changed on purpose, sums included,
 * before it was hashed; then the chain vouches for what it found. */
#include "journal/internal.h"

static bool ends_block(uint64_t commit) { return block_of(commit + 1) != block_of(commit); }

static void take_link(struct chaining *c, const struct chain *next)
{
    c->at = *next;
    if (ends_block(next->commit))
        c->link[c->links++] = *next;
}

static enum err hash_next(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    MDB_cursor *records = NULL, *controls = NULL;
    struct chain next = j->chaining.at;
    int rc = mdb_cursor_open(txn, j->store.dbi[DB_RECORDS], &records);
    if (!rc)
        rc = mdb_cursor_open(txn, j->store.dbi[DB_CONTROLS], &controls);
    enum err err = rc ? store_error(rc, e) : chain_extend(&next, records, controls, e);
    if (!err)
        take_link(&j->chaining, &next);
    if (records)
        mdb_cursor_close(records);
    if (controls)
        mdb_cursor_close(controls);
    return err;
}

uint64_t journal_unchained(const struct journal *j) { return j->last_commit - j->chaining.at.commit; }

/* In a transaction that comes to nothing: the thread that writes has no other (store.h), and it is free of cost. */
enum err journal_chain(struct journal *j, struct err_text *e)
{
    MDB_txn *txn;
    if (j->chaining.links == CHAIN_LINKS_MAX)
        return journal_keep_chain(j, e);
    enum err err = journal_write_begin(j, &txn, e);
    if (!err && journal_unchained(j))
        err = hash_next(j, txn, e);
    store_write_abort(&j->store, &txn);
    return err_wrap(e, err, "chain of %s", j->store.path);
}

bool journal_chain_kept(const struct journal *j) { return j->chaining.kept == j->chaining.at.commit; }

enum err journal_keep_chain(struct journal *j, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = journal_write_begin(j, &txn, e);
    if (!err)
        err = chaining_put(j, txn, e);
    if (!err)
        err = store_write_commit(&j->store, &txn, e);
    if (!err)
        chaining_kept(j);
    store_write_abort(&j->store, &txn);
    return err_wrap(e, err, "chain of %s", j->store.path);
}
