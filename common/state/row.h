/* A row as it is stored: its content, then 8 bytes in which a change of any bit shows, in the key or in the content.
 * And what a partition's rows add up to, so that one that vanishes shows too. Private to common/state. */
#pragma once
#include "state/internal.h"

struct row_trailer {
    uint32_t crc;    /* CRC32C of key, content and the next four bytes */
    uint32_t values; /* of scores: the sum of the crc of the unit's rows of values; else 0 */
};

/* Nobody deletes the only copy of anything because of a sentence: what is moved aside can be asked later, and it may be
 * the journal that is missing something. */
#define STATE_IS_MADE_AGAIN                                                                                            \
    "'parbus verify' says whether the journal is whole; then 'parbus down', mv state state.bad, 'parbus up': it is "   \
    "computed again from the journal"

/* Writes the trailer behind `bytes` of content; returns its crc. */
uint32_t row_seal(const struct state_key *key, uint8_t *content, size_t bytes, uint32_t values);
/* Checks the trailer and takes it off; *t may be NULL. ERR_CORRUPT. */
enum err row_open(const MDB_val *key, MDB_val *data, struct row_trailer *t, struct err_text *e);
/* The crc as it stands in a row, unchecked; 0 when it is too short for one. */
uint32_t row_crc(const MDB_val *data);
/* What the unit's rows of values add up to, as they stand. */
enum err row_values_sum(MDB_cursor *values, uint32_t partition, uint32_t series, uint32_t unit, uint32_t *sum,
                        struct err_text *e);

/* A partition's rows in one database: in any order, so that adding and taking off is all there is to do. */
struct row_total {
    uint64_t count, sum;
};
/* The cursor as it is stored. */
struct stored_cursor {
    struct state_cursor cursor;
    struct row_total total[DB_COUNT];
};
/* All zero for a partition that was never owned; ERR_CORRUPT when it has rows. */
enum err row_cursor(struct state *s, MDB_txn *txn, uint32_t partition, struct stored_cursor *c, struct err_text *e);
