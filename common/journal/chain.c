/* The chain of commits: each has a hash of the one before and of all that it wrote in order (its records with their
 * keys, its controls), so that a journal that was cut, rewritten or put together does not verify. BLAKE2b-256: of
 * libsodium's two it costs less than half of SHA-256 on processors without an instruction for that. When it is made,
 * chain_behind.c says. */
#include "journal/internal.h"
#include <sodium.h>
#include <string.h>

_Static_assert(CHAIN_HASH_BYTES == crypto_generichash_BYTES, "the size of the hash");

struct hashing {
    crypto_generichash_state state;
    uint64_t commit;
};

static void add(struct hashing *h, const void *data, size_t bytes)
{
    crypto_generichash_update(&h->state, data, bytes);
}

/* With its length, so that nothing can move from one to the next. */
static void add_pair(struct hashing *h, const MDB_val *key, const MDB_val *data)
{
    uint64_t bytes = data->mv_size;
    add(h, key->mv_data, key->mv_size);
    add(h, &bytes, sizeof bytes);
    add(h, data->mv_data, data->mv_size);
}

/* A link over a record that is damaged already would vouch for it. */
static enum err add_record(struct hashing *h, const MDB_val *key, const MDB_val *data, struct err_text *e)
{
    struct record_reader r;
    const uint8_t *raw = key->mv_data;
    struct spot spot = {
        .commit = h->commit, .partition = get_be16(raw + 8), .first = get_be64(raw + 10), .data = *data};
    add_pair(h, key, data);
    return spot_open(&spot, &r, e);
}

static enum err add_records(struct hashing *h, MDB_cursor *records, uint64_t *count, struct err_text *e)
{
    uint8_t raw[RECORD_KEY_BYTES];
    make_record_key(raw, h->commit, 0, 0);
    MDB_val key = store_val(raw, sizeof raw), data;
    enum err err = OK;
    *count = 0;
    int rc = mdb_cursor_get(records, &key, &data, MDB_SET_RANGE);
    for (; !rc && !err && key.mv_size == sizeof raw && get_be64(key.mv_data) == h->commit;
         rc = mdb_cursor_get(records, &key, &data, MDB_NEXT)) {
        err = add_record(h, &key, &data, e);
        ++*count;
    }
    return err || !rc || rc == MDB_NOTFOUND ? err : store_error(rc, e);
}

static bool is_of(const MDB_val *data, uint64_t commit)
{
    struct control_header h;
    if (data->mv_size < sizeof h)
        return false;
    memcpy(&h, data->mv_data, sizeof h);
    return h.commit == commit;
}

static enum err add_controls(struct hashing *h, MDB_cursor *controls, uint64_t *control, struct err_text *e)
{
    uint8_t seq[8];
    put_be64(seq, *control + 1);
    MDB_val key = store_val(seq, sizeof seq), data;
    int rc = mdb_cursor_get(controls, &key, &data, MDB_SET_RANGE);
    for (; !rc && is_of(&data, h->commit); rc = mdb_cursor_get(controls, &key, &data, MDB_NEXT)) {
        add_pair(h, &key, &data);
        ++*control;
    }
    return !rc || rc == MDB_NOTFOUND ? OK : store_error(rc, e);
}

void chain_begin(struct chain *c, uint64_t journal_id)
{
    *c = (struct chain){0};
    memcpy(c->hash, &journal_id, sizeof journal_id);
}

enum err chain_extend(struct chain *c, MDB_cursor *records, MDB_cursor *controls, struct err_text *e)
{
    struct hashing h = {.commit = c->commit + 1};
    uint64_t count = 0;
    crypto_generichash_init(&h.state, NULL, 0, sizeof c->hash);
    add(&h, c->hash, sizeof c->hash);
    add(&h, &h.commit, sizeof h.commit);
    enum err err = add_records(&h, records, &count, e);
    if (!err)
        err = add_controls(&h, controls, &c->control, e);
    if (!err && !count)
        err = err_set(e, ERR_CORRUPT, "commit %llu is missing", (unsigned long long)h.commit);
    c->commit = h.commit;
    crypto_generichash_final(&h.state, c->hash, sizeof c->hash);
    return err;
}
