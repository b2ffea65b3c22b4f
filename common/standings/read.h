/* Catalog and tables as journal and state hold them: for processes that only read. */
#pragma once
#include "journal/journal.h"
#include "standings/standings.h"
#include "state/state.h"

/* Applies the control records that the catalog does not have yet. */
enum err read_catalog(struct journal *j, struct catalog *c, struct err_text *e);

/* The table of a series from the scores of all partitions. Each partition is read in a short transaction of its own;
 * those of one unit always belong together. *out is the caller's to destroy. */
enum err read_standings(struct state *s, uint32_t partitions, const struct series *series, struct standings **out,
                        struct err_text *e);
