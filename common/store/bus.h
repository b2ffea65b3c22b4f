/* SIGBUS in a store's map. Private to common/store. */
#pragma once
#include "store/store.h"

/* Finds out where the store's file is mapped; to be called whenever that may have changed. */
void bus_locate(struct store *s);
/* Once per process; `first` is the list of open stores. */
void bus_install(struct store *const *first);
