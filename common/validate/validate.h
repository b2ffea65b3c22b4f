/* Which rows of a submission enter the ranking (rules S1 to S8). A pure function of the journal entry, the submission
 * in it and the catalog as of the entry's control seq, so that every replay gives the same rejects, word for word.
 *
 * Nothing is allocated. A submission whose rows are all accepted costs a few nanoseconds a row. */
#pragma once
#include "catalog/catalog.h"
#include "door.pb-c.h"
#include "journal/record.h"

enum {
    VALIDATE_DETAIL_BYTES = 768,        /* the longest sentence, terminated */
    VALIDATE_SUGGEST_UNITS_MAX = 20000, /* looking for nearest names costs time with each unit of the registry */
    VALIDATE_DAY_MS = 86400000,
};

struct validate_input {
    const struct catalog *catalog;
    const struct record_entry *entry;
    const Parbus__Submission *submission;
    int64_t received_ms;
    uint64_t as_of;             /* control seq of the record */
    uint32_t *suggestions_left; /* how many more searches for nearest names this record may cost */
};

/* Called for each rejected row, in ascending order, or once with WIRE_ROW_WHOLE for the whole submission. `detail` is a
 * sentence for the feeder's people, valid only inside. Returns false to end it, when the caller rejects the submission
 * as a whole. */
typedef bool validate_reject_fn(void *ctx, uint32_t row, Parbus__Reason reason, const char *detail);

/* Returns how many rejects were handed out. */
uint32_t validate_submission(const struct validate_input *in, validate_reject_fn *reject, void *ctx);

/* When row i was observed: its own time, else the submission's, else that of the receipt. */
static inline int64_t submission_observed_ms(const Parbus__Submission *s, size_t row, int64_t received_ms)
{
    if (s->n_row_observed_ms)
        return s->row_observed_ms[row];
    return s->has_observed_ms ? s->observed_ms : received_ms;
}
