/* Rejects as state keeps them, with what the journal says of their submissions. */
#pragma once
#include "services/parbus/explain/explain.h"
#include "wire/wire.h"

struct reject_filter { /* NULL: any */
    const char *index, *period, *unit, *feeder;
    long limit; /* 0: none */
};

struct reject_row {
    const char *feeder; /* name */
    uint64_t epoch, seq;
    uint32_t row; /* WIRE_ROW_WHOLE: the submission */
    struct reject_header header;
    const char *detail;
    /* As the feeder wrote them; of an entry set aside, whose bytes are not looked at, as the door resolved them. Empty
     * when neither is known. */
    char index[WIRE_NAME_BYTES_MAX + 1], period[WIRE_NAME_BYTES_MAX + 1], unit[WIRE_UNIT_BYTES_MAX + 1];
    const char *indicator; /* code, or number as text; "" for the whole submission */
};

/* ERR_NOT_FOUND: no such feeder was ever here. */
enum err reject_filter_check(const struct explanation *stores, const struct reject_filter *filter, struct err_text *e);

/* ERR_CORRUPT, after all others: how many are damaged in state, and what of the first one.
 *
 * In order of feeder, epoch, seq, row. The row is valid only inside fn. State is read in portions, so that a slow
 * reader of our output holds no transaction open. */
typedef void reject_row_fn(void *ctx, const struct reject_row *row);
enum err reject_list(const struct explanation *stores, const struct reject_filter *filter, reject_row_fn *fn, void *ctx,
                     struct err_text *e);
