#include "base/random.h"
#include "journal/internal.h"
#include "store/guard.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const databases[DB_COUNT] = {
    [DB_META] = "meta",         [DB_RECORDS] = "records", [DB_INDEX] = "index",
    [DB_CONTROLS] = "controls", [DB_FEEDERS] = "feeders", [DB_CHAIN] = "chain"};

/* The lock lies beside LMDB's files, so it has to be taken before they are there. */
static enum err take_lock(struct journal *j, const char *directory, struct err_text *e)
{
    char path[STORE_PATH_BYTES], file[STORE_PATH_BYTES + 16];
    if (snprintf(path, sizeof path, "%s/journal", directory) >= (int)sizeof path)
        return err_set(e, ERR_INVALID, "path too long");
    snprintf(file, sizeof file, "%s/writer.lock", path);
    enum err err = guard_make_directory(directory, e);
    if (!err)
        err = guard_make_directory(path, e);
    return err ? err : guard_lock(file, &j->lock_fd, e);
}

static enum err meta_read(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    uint64_t partitions = 0;
    enum err err = store_meta_get(&j->store, txn, "partitions", &partitions, e);
    if (!err)
        err = store_meta_get(&j->store, txn, "id", &j->id, e);
    if (!err)
        err = store_meta_get(&j->store, txn, "term", &j->term, e);
    if (!err && (partitions == 0 || partitions > JOURNAL_PARTITIONS_MAX))
        err = err_set(e, ERR_CORRUPT, "meta \"partitions\" is %llu", (unsigned long long)partitions);
    j->partitions = (uint32_t)partitions;
    return err;
}

static enum err meta_write(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    enum err err = store_meta_put(&j->store, txn, "partitions", j->partitions, e);
    if (!err)
        err = store_meta_put(&j->store, txn, "id", j->id, e);
    return err ? err : store_meta_put(&j->store, txn, "term", j->term, e);
}

/* Each writer begins a new term, in a transaction: who finds another one than its own is the writer no more. */
enum err journal_check_term(struct journal *j, MDB_txn *txn, struct err_text *e)
{
    uint64_t term = 0;
    enum err err = store_meta_get(&j->store, txn, "term", &term, e);
    if (!err && term != j->term)
        return err_set(e, ERR_LOST, "another process writes this journal: it began term %llu, ours is %llu",
                       (unsigned long long)term, (unsigned long long)j->term);
    return err;
}

static enum err term_in_txn(struct journal *j, MDB_txn *txn, const char *directory, uint32_t partitions,
                            struct err_text *e)
{
    enum err err = meta_read(j, txn, e);
    if (err == ERR_NOT_FOUND && !j->known_id) {
        j->partitions = partitions ? partitions : JOURNAL_PARTITIONS_DEFAULT;
        j->term = 0;
        err = random_number(&j->id, e);
    }
    if (err == ERR_NOT_FOUND)
        return err_set(e, ERR_CORRUPT,
                       "it has lost its id, or is a new and empty file; the one of this directory is %016" PRIx64
                       ": put that one back, or take it from a backup ('parbus restore')",
                       j->known_id);
    if (!err && j->known_id)
        err = identity_check(directory, j->id, e);
    if (err)
        return err;
    j->term++;
    return meta_write(j, txn, e);
}

static enum err start_term(struct journal *j, const char *directory, uint32_t partitions, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_write_begin(&j->store, &txn, e);
    if (err)
        return err;
    err = term_in_txn(j, txn, directory, partitions, e);
    if (!err)
        err = store_write_commit(&j->store, &txn, e);
    store_write_abort(&j->store, &txn);
    return err;
}

static enum err read_meta(struct journal *j, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_read_begin(&j->store, &txn, e);
    if (err)
        return err;
    err = meta_read(j, txn, e);
    store_read_end(&j->store, &txn);
    return err;
}

static enum err start_writer(struct journal *j, const char *directory, uint32_t partitions, struct err_text *e)
{
    enum err err = start_term(j, directory, partitions, e);
    if (!err)
        err = identity_keep(directory, j->id, e);
    if (err)
        return err;
    j->reach = calloc(j->partitions, sizeof *j->reach);
    j->pending = calloc(j->partitions, sizeof *j->pending);
    if (!j->reach || !j->pending)
        return err_set(e, ERR_NOMEM, "%u partitions", j->partitions);
    MDB_txn *txn;
    err = store_read_begin(&j->store, &txn, e);
    if (!err)
        err = journal_load_reach(j, txn, e);
    store_read_end(&j->store, &txn);
    return err;
}

static enum err prepare_writer(struct journal *j, const char *directory, struct err_text *e)
{
    enum err err = journal_expected(directory, e);
    if (!err)
        err = identity_known(directory, &j->known_id, e);
    return err ? err : take_lock(j, directory, e);
}

static enum err open_all(struct journal *j, const char *directory, const struct journal_options *o, struct err_text *e)
{
    struct store_options store = {.format = JOURNAL_FORMAT,
                                  .databases = databases,
                                  .database_count = DB_COUNT,
                                  .map_bytes = o->map_bytes,
                                  .writer = o->writer,
                                  .network_fs_allowed = o->network_fs_allowed,
                                  .still = o->still};
    if (o->partitions > JOURNAL_PARTITIONS_MAX)
        return err_set(e, ERR_INVALID, "%u partitions, at most %d", o->partitions, JOURNAL_PARTITIONS_MAX);
    enum err err = o->writer ? prepare_writer(j, directory, e) : OK;
    if (!err)
        err = store_open(&j->store, directory, "journal", &store, e);
    if (!err)
        err = o->writer ? start_writer(j, directory, o->partitions, e) : read_meta(j, e);
    return err;
}

struct journal_options journal_options(const struct settings *settings)
{
    return (struct journal_options){.map_bytes = (size_t)settings->journal_map_bytes,
                                    .network_fs_allowed = settings->network_fs_allowed};
}

enum err journal_open(struct journal **out, const char *directory, const struct journal_options *o, struct err_text *e)
{
    *out = NULL;
    struct journal *j = calloc(1, sizeof *j);
    if (!j || sodium_init() < 0)
        return free(j), err_set(e, ERR_NOMEM, "open journal");
    j->lock_fd = -1;
    j->store = STORE_CLOSED;
    enum err err = open_all(j, directory, o, e);
    if (err)
        journal_close(&j);
    *out = j;
    return err_wrap(e, err, "open journal %s/journal", directory);
}

void journal_close(struct journal **j)
{
    if (!*j)
        return;
    store_close(&(*j)->store);
    if ((*j)->lock_fd >= 0)
        close((*j)->lock_fd);
    free((*j)->reach);
    free((*j)->pending);
    free(*j);
    *j = NULL;
}

uint32_t journal_partitions(const struct journal *j) { return j->partitions; }
uint64_t journal_id(const struct journal *j) { return j->id; }
uint64_t journal_term(const struct journal *j) { return j->term; }
uint64_t journal_end(const struct journal *j, uint32_t partition) { return j->reach[partition].last; }
uint64_t journal_last_commit(const struct journal *j) { return j->last_commit; }

static enum err read_term(struct journal *j, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_read_begin(&j->store, &txn, e);
    if (!err)
        err = journal_check_term(j, txn, e);
    store_read_end(&j->store, &txn);
    return err;
}

enum err journal_room(struct journal *j, size_t bytes, struct err_text *e)
{
    enum err err = store_room(&j->store, bytes, e);
    return err || !j->reach ? err : read_term(j, e);
}

enum err journal_stream(struct journal *j, store_piece_fn *fn, void *ctx, struct err_text *e)
{
    return store_stream(&j->store, fn, ctx, e);
}
