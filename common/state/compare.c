#include "base/plural.h"
#include "state/row.h"
#include <stdio.h>
#include <string.h>

struct field {
    const char *name;
    unsigned bytes;
};

/* What is compared, in this order. The owner epoch, first in a cursor, is left out; each
 * row's checksum is checked instead. */
static const struct subject {
    unsigned database;
    const char *name;
    unsigned skip_bytes;
    struct field key[4];
} subjects[] = {
    {DB_PARTITIONS, "cursor", offsetof(struct state_cursor, applied), {{"partition", 2}}},
    {DB_VALUES, "values", 0, {{"partition", 2}, {"series", 4}, {"unit", 4}, {"stage", 1}}},
    {DB_SCORES, "scores", 0, {{"partition", 2}, {"series", 4}, {"unit", 4}}},
    {DB_TALLIES, "tally", 0, {{"partition", 2}, {"feeder", 4}}},
    {DB_REJECTS, "reject", 0, {{"feeder", 4}, {"epoch", 8}, {"seq", 8}, {"row", 4}}},
};

struct side {
    struct state *s;
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, data;
    bool done;
};

struct comparison {
    const struct subject *subject;
    struct side side[2];
    char *difference;
    size_t bytes;
};

static uint64_t big_endian(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* "values partition 3 series 2 unit 17 stage 2" */
static void name_key(const struct subject *subject, const MDB_val *key, char *out, size_t room)
{
    const uint8_t *at = key->mv_data, *end = at + key->mv_size;
    int n = snprintf(out, room, "%s", subject->name);
    for (const struct field *f = subject->key; f < subject->key + 4 && f->bytes && f->bytes <= end - at; f++) {
        n += snprintf(out + n, room - (size_t)n, " %s %llu", f->name, (unsigned long long)big_endian(at, f->bytes));
        at += f->bytes;
    }
}

static void say_differs(struct comparison *c, const char *detail)
{
    char key[160];
    name_key(c->subject, &c->side[0].key, key, sizeof key);
    snprintf(c->difference, c->bytes, "%s: %s", key, detail);
}

static void say_only_in(struct comparison *c, unsigned side)
{
    char key[160];
    name_key(c->subject, &c->side[side].key, key, sizeof key);
    snprintf(c->difference, c->bytes, "only in the %s: %s", side ? "second" : "first", key);
}

/* A partition that was only owned, and nothing applied, says nothing about the content. */
static bool says_nothing(const struct subject *subject, const MDB_val *data)
{
    static const uint8_t zero[sizeof(struct state_cursor)];
    return subject->skip_bytes && data->mv_size == sizeof zero &&
           memcmp((const uint8_t *)data->mv_data + subject->skip_bytes, zero, sizeof zero - subject->skip_bytes) == 0;
}

static enum err advance(const struct subject *subject, struct side *side, struct err_text *e)
{
    enum err err;
    do {
        int rc = mdb_cursor_get(side->cursor, &side->key, &side->data, MDB_NEXT);
        side->done = rc == MDB_NOTFOUND;
        if (rc)
            return side->done ? OK : store_error(rc, e);
        err = row_open(&side->key, &side->data, NULL, e);
        if (subject->skip_bytes && side->data.mv_size > sizeof(struct state_cursor))
            side->data.mv_size =
                sizeof(struct state_cursor); /* totals behind it: of rows that are compared themselves */
    } while (!err && says_nothing(subject, &side->data));
    char key[160];
    name_key(subject, &side->key, key, sizeof key);
    return err_wrap(e, err, "%s", key);
}

static bool same_value(struct comparison *c)
{
    const MDB_val *a = &c->side[0].data, *b = &c->side[1].data;
    const uint8_t *x = a->mv_data, *y = b->mv_data;
    char detail[96];
    size_t i = c->subject->skip_bytes;
    while (i < a->mv_size && i < b->mv_size && x[i] == y[i])
        i++;
    if (i == a->mv_size && i == b->mv_size)
        return true;
    if (a->mv_size != b->mv_size)
        snprintf(detail, sizeof detail, "%zu %s in the first, %zu in the second", a->mv_size,
                 plural(a->mv_size, "byte", "bytes"), b->mv_size);
    else
        snprintf(detail, sizeof detail, "byte %zu differs", i);
    say_differs(c, detail);
    return false;
}

static int key_order(const struct side *a, const struct side *b)
{
    if (a->done || b->done)
        return (int)a->done - (int)b->done;
    size_t bytes = a->key.mv_size < b->key.mv_size ? a->key.mv_size : b->key.mv_size;
    int order = memcmp(a->key.mv_data, b->key.mv_data, bytes);
    return order ? order : (a->key.mv_size > b->key.mv_size) - (a->key.mv_size < b->key.mv_size);
}

/* One step of the merge; *same is cleared at the first difference. */
static enum err step(struct comparison *c, bool *same, struct err_text *e)
{
    struct side *a = &c->side[0], *b = &c->side[1];
    int order = key_order(a, b);
    if (order != 0) {
        *same = false;
        say_only_in(c, order > 0);
        return OK;
    }
    *same = same_value(c);
    enum err err = advance(c->subject, a, e);
    return err ? err : advance(c->subject, b, e);
}

static enum err merge(struct comparison *c, bool *same, struct err_text *e)
{
    enum err err = OK;
    for (unsigned i = 0; i < 2 && !err; i++)
        err = advance(c->subject, &c->side[i], e);
    while (!err && *same && !(c->side[0].done && c->side[1].done))
        err = step(c, same, e);
    return err;
}

static enum err open_cursors(struct comparison *c, struct err_text *e)
{
    enum err err = OK;
    for (unsigned i = 0; i < 2 && !err; i++) {
        struct side *side = &c->side[i];
        side->cursor = NULL;
        err = store_error(mdb_cursor_open(side->txn, side->s->store.dbi[c->subject->database], &side->cursor), e);
    }
    return err;
}

static void close_cursors(struct comparison *c)
{
    for (unsigned i = 0; i < 2; i++) {
        if (c->side[i].cursor)
            mdb_cursor_close(c->side[i].cursor);
        c->side[i].cursor = NULL;
    }
}

static enum err compare_all(struct comparison *c, struct err_text *e)
{
    bool same = true;
    enum err err = OK;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects && same && !err; i++) {
        c->subject = &subjects[i];
        err = open_cursors(c, e);
        if (!err)
            err = merge(c, &same, e);
        close_cursors(c);
    }
    return err;
}

enum err state_compare(struct state *a, struct state *b, char *difference, size_t bytes, struct err_text *e)
{
    struct comparison c = {.side = {{.s = a}, {.s = b}}, .difference = difference, .bytes = bytes};
    if (bytes)
        *difference = '\0';
    enum err err = store_read_begin(&a->store, &c.side[0].txn, e);
    if (!err)
        err = store_read_begin(&b->store, &c.side[1].txn, e);
    if (!err)
        err = compare_all(&c, e);
    store_read_end(&b->store, &c.side[1].txn);
    store_read_end(&a->store, &c.side[0].txn);
    return err_wrap(e, err, "compare %s with %s", a->store.path, b->store.path);
}
