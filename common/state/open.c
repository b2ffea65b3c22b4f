#include "state/internal.h"
#include <stdlib.h>

static const char *const databases[DB_COUNT] = {
    [DB_META] = "meta",     [DB_PARTITIONS] = "partitions", [DB_VALUES] = "values",
    [DB_SCORES] = "scores", [DB_TALLIES] = "tallies",       [DB_REJECTS] = "rejects"};

static enum err follow(struct state *s, MDB_txn *txn, uint64_t journal_id, bool writer, struct err_text *e)
{
    enum err err = store_meta_get(&s->store, txn, "journal", &s->journal_id, e);
    if (err == ERR_NOT_FOUND && writer) {
        if (journal_id == 0)
            return err_set(e, ERR_INVALID, "a new state needs the id of the journal that it follows");
        s->journal_id = journal_id;
        return store_meta_put(&s->store, txn, "journal", journal_id, e);
    }
    if (!err && journal_id && journal_id != s->journal_id)
        err = err_set(e, ERR_INVALID,
                      "it follows journal %016llx, and the journal here is %016llx: stop everything, and put the one "
                      "back that state follows. Only if that one is lost for good, or this one is right, move state "
                      "aside (mv) and start again: it is built again from the journal that is here",
                      (unsigned long long)s->journal_id, (unsigned long long)journal_id);
    return err;
}

static enum err follow_as_writer(struct state *s, uint64_t journal_id, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_write_begin(&s->store, &txn, e);
    if (err)
        return err;
    err = follow(s, txn, journal_id, true, e);
    if (!err)
        err = store_write_commit(&s->store, &txn, e);
    store_write_abort(&s->store, &txn);
    return err;
}

static enum err follow_as_reader(struct state *s, uint64_t journal_id, struct err_text *e)
{
    MDB_txn *txn;
    enum err err = store_read_begin(&s->store, &txn, e);
    if (!err)
        err = follow(s, txn, journal_id, false, e);
    store_read_end(&s->store, &txn);
    return err;
}

static enum err open_all(struct state *s, const char *directory, const struct state_options *o, struct err_text *e)
{
    struct store_options store = {.format = STATE_VERSION,
                                  .databases = databases,
                                  .database_count = DB_COUNT,
                                  .map_bytes = o->map_bytes,
                                  .writer = o->writer,
                                  .meta_nosync = true,
                                  .network_fs_allowed = o->network_fs_allowed,
                                  .still = o->still};
    enum err err = store_open(&s->store, directory, "state", &store, e);
    if (err)
        return err;
    return o->writer ? follow_as_writer(s, o->journal_id, e) : follow_as_reader(s, o->journal_id, e);
}

struct state_options state_options(const struct settings *settings, uint64_t journal_id)
{
    return (struct state_options){.journal_id = journal_id,
                                  .map_bytes = (size_t)settings->state_map_bytes,
                                  .network_fs_allowed = settings->network_fs_allowed};
}

enum err state_open(struct state **out, const char *directory, const struct state_options *o, struct err_text *e)
{
    *out = NULL;
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NOMEM, "open state");
    s->store = STORE_CLOSED;
    enum err err = open_all(s, directory, o, e);
    if (err)
        state_close(&s);
    *out = s;
    return err_wrap(e, err, "open state %s/state", directory);
}

void state_close(struct state **s)
{
    if (!*s)
        return;
    store_close(&(*s)->store);
    free(*s);
    *s = NULL;
}

enum err state_followed(const char *directory, uint64_t *journal_id, struct err_text *e)
{
    struct state *s = NULL;
    struct state_options options = {.network_fs_allowed = true};
    *journal_id = 0;
    enum err err = state_open(&s, directory, &options, e);
    if (err || !s)
        return err == ERR_NOT_FOUND ? OK : err;
    *journal_id = s->journal_id;
    state_close(&s);
    return OK;
}

enum err state_copy(struct state *s, const char *directory, struct err_text *e)
{
    return store_copy(&s->store, directory, "state", e);
}

enum err state_stream(struct state *s, store_piece_fn *fn, void *ctx, struct err_text *e)
{
    return store_stream(&s->store, fn, ctx, e);
}
