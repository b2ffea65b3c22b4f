/* What the files of state share. */
#pragma once
#include "base/bytes.h"
#include "state/state.h"
#include "store/store.h"

enum { DB_META, DB_PARTITIONS, DB_VALUES, DB_SCORES, DB_TALLIES, DB_REJECTS, DB_COUNT };
enum { VALUES_HEADER_BYTES = 8, STATE_KEY_BYTES_MAX = 24 };

struct state {
    struct store store;
    uint64_t journal_id;
};

struct state_key {
    uint8_t bytes[STATE_KEY_BYTES_MAX];
    size_t size;
};

static inline struct state_key key_partition(uint32_t partition)
{
    struct state_key k = {.size = 2};
    put_be16(k.bytes, (uint16_t)partition);
    return k;
}

static inline struct state_key key_scores(uint32_t partition, uint32_t series, uint32_t unit)
{
    struct state_key k = {.size = 10};
    put_be16(k.bytes, (uint16_t)partition);
    put_be32(k.bytes + 2, series);
    put_be32(k.bytes + 6, unit);
    return k;
}

static inline struct state_key key_values(uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage)
{
    struct state_key k = key_scores(partition, series, unit);
    k.bytes[k.size++] = stage;
    return k;
}

static inline struct state_key key_tally(uint32_t partition, uint32_t feeder)
{
    struct state_key k = {.size = 6};
    put_be16(k.bytes, (uint16_t)partition);
    put_be32(k.bytes + 2, feeder);
    return k;
}

static inline struct state_key key_reject(uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row)
{
    struct state_key k = {.size = 24};
    put_be32(k.bytes, feeder);
    put_be64(k.bytes + 4, epoch);
    put_be64(k.bytes + 12, seq);
    put_be32(k.bytes + 20, row);
    return k;
}

/* Reads within a transaction. A partition that was never owned has a cursor of zeroes. */
enum err state_cursor_in(struct state *s, MDB_txn *txn, uint32_t partition, struct state_cursor *cursor,
                         struct err_text *e);
