/* Sends what was set aside again: asks the ingestor to journal those entries once more (PROTOCOL.md, I19). */
#pragma once
#include "base/err.h"
#include "services/parbus/rejects/list.h"

struct retry_entry { /* of the journal */
    uint32_t partition;
    uint64_t pseq, again_pseq; /* where it stands now; 0: refused */
    char why[256];             /* … and why */
};

/* The entries among the rejects that were set aside, at most filter->limit (0: all of them). The buffer holds struct
 * retry_entry and is the caller's. */
enum err retry_find(const struct explanation *stores, const struct reject_filter *filter, struct buffer *entries,
                    struct err_text *e);

/* Asks for each, one after the other; `done` is called after each answer. ERR_TIMEOUT: the ingestor does not answer;
 * those after it were not asked for. May be repeated: an entry is journalled again once. */
typedef void retry_done_fn(void *ctx, const struct retry_entry *entry);
enum err retry_ask(const char *directory, struct buffer *entries, retry_done_fn *done, void *ctx, struct err_text *e);
