/* What the store's own files share. */
#pragma once
#include "store/store.h"

#define HOW_IT_COMES_BACK                                                                                              \
    "Stop everything. A journal comes back with 'parbus restore'; a state is moved aside (mv state state.bad) and "    \
    "computed again at the next start, when the journal is whole ('parbus verify')"

/* Opens the databases that the options name; a writer makes them in an environment with nothing in it. *format is what
 * is there: when it is not that of the options, nothing else was looked at. Returns what databases_error understands.
 */
int databases_open(struct store *s, uint64_t *format);
/* As store_error; tells also of files that are cut off, or that something else made. */
enum err databases_error(int rc, struct err_text *e);

/* Puts right what waiting does not, while nobody has a transaction: after a failed write of the meta page LMDB wants
 * the environment opened anew. true: try again. */
bool store_recover(struct store *s, int rc);
/* A reader that died in the middle keeps old pages from being used again, and the file grows: now and then its slot is
 * freed. */
void store_check_readers(struct store *s);

/* stamp.c: what LMDB does not say by itself: that the databases are those of the transaction that its first pages name.
 * A flipped bit in the number of a page may lead to an older one, which is whole. */
int stamp_put(MDB_txn *txn, const uint64_t tail[static STORE_TAIL_NUMBERS]);
/* ERR_BUSY: the databases are newer; begin again. ERR_CORRUPT: older. */
enum err stamp_check(MDB_txn *txn, bool writer, uint64_t tail[static STORE_TAIL_NUMBERS], struct err_text *e);
