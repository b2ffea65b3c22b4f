/* Whatever rows state holds, with their sums right or wrong, each is given out whole and within its bytes, or a reason
 * is. */
#include "base/err.h"
#include "fake_lmdb.h"
#include "fuzz.h"
#include "state/row.h"
#include <string.h>

enum { CELLS = 4, POINTS_MAX = 64 };

static struct state state;

static bool is_of(const struct fake_row *row, unsigned database, size_t key_bytes)
{
    return row->database == database && row->key.mv_size == key_bytes;
}

static void seal(const struct fake_row *row, uint32_t values)
{
    struct state_key key = {.size = row->key.mv_size};
    if (!row->repair || row->data.mv_size < sizeof(struct row_trailer))
        return;
    memcpy(key.bytes, row->key.mv_data, key.size);
    row_seal(&key, row->data.mv_data, row->data.mv_size - sizeof(struct row_trailer), values);
}

static uint32_t values_of(const struct fake_row *row)
{
    MDB_cursor *cursor;
    uint32_t sum;
    const uint8_t *key = row->key.mv_data;
    ASSERT(!mdb_cursor_open(NULL, DB_VALUES, &cursor));
    ASSERT(!row_values_sum(cursor, get_be16(key), get_be32(key + 2), get_be32(key + 6), &sum, NULL));
    mdb_cursor_close(cursor);
    return sum;
}

/* What its partition's rows add up to. */
static void total(const struct fake_row *row)
{
    struct stored_cursor c;
    size_t count;
    const struct fake_row *of = fake_rows(&count);
    if (row->data.mv_size != sizeof c + sizeof(struct row_trailer))
        return;
    memcpy(&c, row->data.mv_data, sizeof c);
    memset(c.total, 0, sizeof c.total);
    for (size_t i = 0; i < count; i++)
        if (of[i].key.mv_size >= 2 && memcmp(of[i].key.mv_data, row->key.mv_data, 2) == 0) {
            c.total[of[i].database].count++;
            c.total[of[i].database].sum += row_crc(&of[i].data);
        }
    memcpy(row->data.mv_data, &c, sizeof c);
}

/* Scores say what their values add up to, a cursor what all of its partition do: in this order. */
static void repair(void)
{
    size_t count;
    const struct fake_row *row = fake_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (row[i].database > DB_PARTITIONS && row[i].database != DB_SCORES)
            seal(&row[i], 0);
    for (size_t i = 0; i < count; i++)
        if (row[i].database == DB_SCORES)
            seal(&row[i], row[i].key.mv_size >= 10 ? values_of(&row[i]) : 0);
    for (size_t i = 0; i < count; i++)
        if (row[i].repair && is_of(&row[i], DB_PARTITIONS, 2))
            total(&row[i]), seal(&row[i], 0);
}

static uint64_t touched; /* what is given out is read to its last byte */

static bool on_scores(void *ctx, uint32_t series, uint32_t unit, const struct score_header *header,
                      const int64_t *points)
{
    (void)ctx;
    for (uint32_t i = 0; i < header->node_count; i++)
        touched += (uint64_t)points[i];
    touched += series ^ unit;
    return true;
}

static bool on_tally(void *ctx, uint32_t feeder, uint64_t epoch, const struct tally *tally)
{
    (void)ctx;
    touched += feeder ^ epoch ^ tally->scored;
    return true;
}

static bool on_reject(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                      const struct reject_header *header, const char *detail)
{
    (void)ctx;
    touched += strlen(detail) ^ feeder ^ epoch ^ seq ^ row;
    ASSERT(!header || strlen(detail) <= header->detail_bytes);
    return true;
}

static void told(enum err err, struct err_text *e)
{
    ASSERT(err == OK || err == ERR_NOT_FOUND || e->text[0]);
    e->text[0] = 0;
}

static void read_unit(const uint8_t *key, size_t bytes)
{
    struct err_text e = {""};
    struct cell cell[CELLS];
    struct score_header header;
    int64_t points[POINTS_MAX];
    uint32_t partition = get_be16(key), series = get_be32(key + 2), unit = get_be32(key + 6);
    told(state_values_get(&state, partition, series, unit, bytes > 10 ? key[10] : 0, cell, CELLS, &e), &e);
    told(state_scores_get(&state, partition, series, unit, &header, points, POINTS_MAX, &e), &e);
}

static void read_partition(uint32_t partition)
{
    struct err_text e = {""};
    struct state_cursor cursor;
    told(state_cursor_get(&state, partition, &cursor, &e), &e);
    told(state_scores_each(&state, partition, 0, &cursor, on_scores, NULL, &e), &e);
    told(state_tallies_each(&state, partition, on_tally, NULL, &e), &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct err_text e = {""};
    size_t count;
    for (unsigned i = 0; i < DB_COUNT; i++)
        state.store.dbi[i] = i;
    fake_fill(data, bytes, DB_COUNT);
    repair();
    const struct fake_row *row = fake_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (row[i].key.mv_size >= 10)
            read_unit(row[i].key.mv_data, row[i].key.mv_size);
        else if (row[i].key.mv_size >= 2)
            read_partition(get_be16(row[i].key.mv_data));
    told(state_rejects_each(&state, 0, 0, 0, 0, on_reject, NULL, &e), &e);
    fake_clear();
    return 0;
}
