/* Instead of LMDB under state and journal: rows that the fuzzer made, in memory. What reads them is ours, unchanged
 * (the linker puts these functions in the place of LMDB's and the store's: WRAPPED in CMakeLists.txt). */
#pragma once
#include "store/store.h"

enum { FAKE_KEY_BYTES_MAX = 24 };

struct fake_row {
    unsigned database;
    bool repair; /* its sums are to be made right, so that a mutation gets behind them */
    MDB_val key, data;
};

/* The rows of the input, in the order of their keys; of two with the same key the first one. Each value lies in memory
 * of its exact size, at an address that is even and no more than that, as LMDB has it.
 *
 *     row = database u8 (0x80: repair) | key bytes u8 | value bytes u16 le | key | value */
void fake_fill(const uint8_t *data, size_t bytes, unsigned databases);
void fake_clear(void);
struct fake_row *fake_rows(size_t *count);

extern uint64_t fake_tail[STORE_TAIL_NUMBERS]; /* what store_tail says */
