/* What LMDB's walk over a damaged page ends in: SIGBUS, SIGSEGV, an assertion of its own, the allocator's abort.
 * Private to common/store. */
#pragma once
#include "store/store.h"

/* Finds out where the store's file is mapped; to be called whenever that may have changed. */
void signals_locate(struct store *s);
/* For mdb_env_set_assert: says the same. */
_Noreturn void signals_assertion(MDB_env *env, const char *text);
/* Once per process; `first` is the list of open stores. */
void signals_install(struct store *const *first);
