/* The rejected rows of one record, as the columns of Verdicts. They fit into one message with the record whatever the
 * record holds: when room runs short, sentences are left out first, then a submission with many faulty rows is rejected
 * as a whole (S3). What is left out depends on the record alone, so every replay does the same. */
#pragma once
#include "base/buffer.h"
#include "door.pb-c.h"
#include "inside.pb-c.h"
#include <stdbool.h>

enum { REJECTED_ROWS_MAX = 1000 }; /* of one submission */

struct rejects {
    struct buffer entry, row, reason, detail_at, details, detail; /* detail: char * into details, made by rejects_put */
    size_t count, room, details_room;
    size_t entry_first; /* count when the present entry began */
    size_t entry_room, entry_details_room, entry_details_bytes;
    uint32_t entry_now;
};

/* What always holds: as many in each column, those of the present entry among them. O(1). */
void rejects_assert(const struct rejects *r);
void rejects_free(struct rejects *r);
void rejects_begin(struct rejects *r, size_t record_bytes, uint32_t entries);
void rejects_entry(struct rejects *r, uint32_t entry);
/* false: there is no room for this row; the entry was rejected as a whole instead. */
bool rejects_add(struct rejects *r, uint32_t row, Parbus__Reason reason, const char *detail);
/* How many rows of the present entry are rejected so far. */
static inline size_t rejects_of_entry(const struct rejects *r) { return r->count - r->entry_first; }
/* Points the columns into r; valid until the next call. */
void rejects_put(struct rejects *r, Parbus__Verdicts *verdicts);
