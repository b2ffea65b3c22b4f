#include "base/plural.h"
#include "state/row.h"
#include <string.h>

static enum err odd_size(size_t bytes, struct err_text *e)
{
    return err_set(e, ERR_CORRUPT, "a value of %zu %s has an impossible size", bytes, plural(bytes, "byte", "bytes"));
}

static enum err check_version(const MDB_val *data, struct err_text *e)
{
    uint8_t version = data->mv_size ? *(const uint8_t *)data->mv_data : 0;
    if (version == STATE_VERSION)
        return OK;
    return err_set(e, ERR_VERSION, "a value of version %u, this program knows version %u", version, STATE_VERSION);
}

static enum err find(struct state *s, MDB_txn *txn, unsigned database, struct state_key k, MDB_val *data,
                     struct row_trailer *t, struct err_text *e)
{
    MDB_val key = store_val(k.bytes, k.size);
    enum err err = store_error(mdb_get(txn, s->store.dbi[database], &key, data), e);
    return err ? err : row_open(&key, data, t, e);
}

enum err state_cursor_in(struct state *s, MDB_txn *txn, uint32_t partition, struct state_cursor *cursor,
                         struct err_text *e)
{
    struct stored_cursor stored;
    enum err err = row_cursor(s, txn, partition, &stored, e);
    *cursor = stored.cursor;
    return err;
}

enum err state_cursor_get(struct state *s, uint32_t partition, struct state_cursor *cursor, struct err_text *e)
{
    MDB_txn *txn;
    *cursor = (struct state_cursor){0};
    enum err err = store_read_begin(&s->store, &txn, e);
    if (!err)
        err = state_cursor_in(s, txn, partition, cursor, e);
    store_read_end(&s->store, &txn);
    return err_wrap(e, err, "read %s: partition %u", s->store.path, partition);
}

static enum err copy_cells(const MDB_val *data, struct cell *cell, size_t cell_count, struct err_text *e)
{
    enum err err = check_version(data, e);
    if (err)
        return err;
    if (data->mv_size != VALUES_HEADER_BYTES + cell_count * sizeof *cell)
        return odd_size(data->mv_size, e);
    memcpy(cell, (const uint8_t *)data->mv_data + VALUES_HEADER_BYTES, cell_count * sizeof *cell);
    return OK;
}

/* Not found is an everyday answer on the hot path, so the key is put into words for other errors only. */
static enum err name_unit(enum err err, const char *what, uint32_t series, uint32_t unit, struct err_text *e)
{
    return err == ERR_NOT_FOUND ? err : err_wrap(e, err, "%s of series %u unit %u", what, series, unit);
}

enum err state_values_get(struct state *s, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage,
                          struct cell *cell, size_t cell_count, struct err_text *e)
{
    MDB_txn *txn;
    MDB_val data;
    enum err err = store_read_begin(&s->store, &txn, e);
    if (!err)
        err = find(s, txn, DB_VALUES, key_values(partition, series, unit, stage), &data, NULL, e);
    if (!err)
        err = copy_cells(&data, cell, cell_count, e);
    store_read_end(&s->store, &txn);
    if (err)
        memset(cell, 0, cell_count * sizeof *cell);
    return name_unit(err, "values", series, unit, e);
}

static enum err copy_scores(const MDB_val *data, struct score_header *header, int64_t *points, size_t points_max,
                            struct err_text *e)
{
    enum err err = check_version(data, e);
    if (err)
        return err;
    if (data->mv_size < sizeof *header)
        return odd_size(data->mv_size, e);
    memcpy(header, data->mv_data, sizeof *header);
    if (data->mv_size != sizeof *header + header->node_count * sizeof *points)
        return odd_size(data->mv_size, e);
    if (header->node_count > points_max)
        return err_set(e, ERR_TOO_LARGE, "%u %s, room for %zu", header->node_count,
                       plural(header->node_count, "node", "nodes"), points_max);
    memcpy(points, (const uint8_t *)data->mv_data + sizeof *header, header->node_count * sizeof *points);
    return OK;
}

/* Also that the unit's values are all there: a row that vanishes from the tree looks like one that never was. */
static enum err find_scores(struct state *s, MDB_txn *txn, uint32_t partition, uint32_t series, uint32_t unit,
                            MDB_val *data, struct err_text *e)
{
    MDB_cursor *values;
    struct row_trailer t = {0};
    uint32_t sum = 0;
    enum err found = find(s, txn, DB_SCORES, key_scores(partition, series, unit), data, &t, e);
    if (found && found != ERR_NOT_FOUND)
        return found;
    enum err err = store_error(mdb_cursor_open(txn, s->store.dbi[DB_VALUES], &values), e);
    if (err)
        return err;
    err = row_values_sum(values, partition, series, unit, &sum, e);
    mdb_cursor_close(values);
    if (!err && sum != t.values)
        err = err_set(e, ERR_CORRUPT, "scores and values do not belong together; " STATE_IS_MADE_AGAIN);
    return err ? err : found;
}

enum err state_scores_get(struct state *s, uint32_t partition, uint32_t series, uint32_t unit,
                          struct score_header *header, int64_t *points, size_t points_max, struct err_text *e)
{
    MDB_txn *txn;
    MDB_val data;
    *header = (struct score_header){0};
    enum err err = store_read_begin(&s->store, &txn, e);
    if (!err)
        err = find_scores(s, txn, partition, series, unit, &data, e);
    if (!err)
        err = copy_scores(&data, header, points, points_max, e);
    store_read_end(&s->store, &txn);
    return name_unit(err, "scores", series, unit, e);
}
