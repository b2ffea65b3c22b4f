/* What the store's own files share. */
#pragma once
#include "store/store.h"

#define HOW_IT_COMES_BACK                                                                                              \
    "Stop everything; the journal comes back with 'parbus restore', state when it is deleted and computed again, an "  \
    "outbox of a feeder is deleted and its files are pushed again"

/* Opens the databases that the options name; a writer makes them in an environment with nothing in it. *format is what
 * is there: when it is not that of the options, nothing else was looked at. Returns what databases_error understands.
 */
int databases_open(struct store *s, uint64_t *format);
/* store_error, and of files that are cut off or something else's. */
enum err databases_error(int rc, struct err_text *e);

/* What cannot be waited out but can be put right, when nobody has a transaction; true: try again. After a failed write
 * of the meta page LMDB wants the environment opened anew. */
bool store_recover(struct store *s, int rc);
/* A reader that died in the middle keeps old pages from being used again, and the file grows: now and then its slot is
 * freed. */
void store_check_readers(struct store *s);
