/* The format of a journal record: a run of consecutive submissions of one partition, taken in one commit, stored as
 * they were received. It is also what travels inside Work and Verdicts, so nothing is packed twice. Pure; no LMDB.
 *
 *     record  = header entry*
 *     header  = 48 bytes: version u8 | kind u8 | partition u16 | count u32 | received_ms i64 | control_seq u64
 *               | first_pseq u64 | commit u64 | entries_crc u32 | crc u32
 *     entry   = 32 bytes: body_bytes u32 | feeder u32 | epoch u64 | seq u64 | series u32 | unit u32
 *               then body (the Submission as received), zero-padded to a multiple of 8
 *
 * Little-endian. Entry i has pseq first_pseq + i. A control record has count 1 and no entry: from here on the controls
 * 1 .. control_seq are in force. A retry has count 1 and one entry, which was set aside at another place (rule I19); in
 * its partition it also stands for the control Readmitted, whose number is its control_seq; received_ms is when the
 * entry was received first. series and unit are what the door resolved when it took the submission
 * (SERIES_NONE, UNIT_NONE, UNIT_AMBIGUOUS when it could not).
 *
 * partition, first_pseq and commit say where in the journal it stands, as its key does: so a flipped bit in either is
 * found. crc is the CRC32C of the 44 bytes before it, entries_crc of all that follows the header: the header alone can
 * be believed, and then the length of the partition. Whoever writes a record down, or cuts one, seals it; whoever reads
 * one checks both. */
#pragma once
#include "base/buffer.h"
#include "base/err.h"
#include <stdint.h>

enum { RECORD_VERSION = 2, RECORD_HEADER_BYTES = 48, RECORD_ENTRY_BYTES = 32 };
enum record_kind { RECORD_DATA = 1, RECORD_CONTROL = 2, RECORD_RETRY = 3 };

struct record_header {
    uint8_t version, kind;
    uint16_t partition;
    uint32_t count;
    int64_t received_ms;
    uint64_t control_seq;
    uint64_t first_pseq, commit;
    uint32_t entries_crc, crc;
};
struct record_entry {
    uint32_t body_bytes, feeder;
    uint64_t epoch, seq;
    uint32_t series, unit;
};
_Static_assert(sizeof(struct record_header) == RECORD_HEADER_BYTES, "on-disk size");
_Static_assert(sizeof(struct record_entry) == RECORD_ENTRY_BYTES, "on-disk size");

/* How many entries follow the header. */
static inline uint32_t record_entries(const struct record_header *h)
{
    return h->kind == RECORD_CONTROL ? 0 : h->count;
}

/* Starts a record at the end of b; it is nothing to read before it is sealed. */
void record_begin(struct buffer *b, enum record_kind kind, int64_t received_ms, uint64_t control_seq);
/* Adds an entry to the record that began at `start` of b, and counts it in its header. */
void record_add(struct buffer *b, size_t start, const struct record_entry *entry, const void *body);

/* Where a record stands. */
struct record_place {
    uint32_t partition;
    uint64_t first_pseq, commit;
};
/* Writes its place and its sums into a record that is complete. */
void record_seal(void *record, size_t bytes, const struct record_place *place);
/* Whether a record that is written down is this one, which was not sealed; both of so many bytes. */
bool record_is_of(const void *sealed, const void *unsealed, size_t bytes);

/* Reads and checks the header alone: ERR_VERSION, ERR_CORRUPT. */
enum err record_header_read(struct record_header *h, const void *data, size_t bytes, struct err_text *e);

/* How many pseq it takes, by its length and its entries', when the header cannot be believed. 0: these do not fit. */
uint32_t record_count_entries(const void *data, size_t bytes);

struct record_reader {
    struct record_header header;
    const uint8_t *at, *end;
    uint32_t index; /* of the next entry */
};
/* Checks version, sums, kind and every length before the first entry is handed out: ERR_VERSION, ERR_CORRUPT. */
enum err record_open(struct record_reader *r, const void *data, size_t bytes, struct err_text *e);
/* false: no more. *body points into the record. */
bool record_next(struct record_reader *r, struct record_entry *entry, const uint8_t **body);
/* Opens the record that begins at first_pseq and reads its entry `pseq`. false: this is no record, or it has no such
 * entry (a control has none). O(entries before it). */
bool record_find(struct record_reader *r, const void *data, size_t bytes, uint64_t first_pseq, uint64_t pseq,
                 struct record_entry *entry, const uint8_t **body);

/* What tells an entry from another one that stands at the same pseq in another past of the journal, never 0: who sent
 * it, in which commit, and when it came. The same whatever part of its record is cut. NULL: a control's. */
uint64_t record_mark(const struct record_header *h, const struct record_entry *entry);
/* Of the entry `pseq` of the record that begins at first_pseq; 0: nobody can say, for it is damaged or not there. */
uint64_t record_mark_at(const void *data, size_t bytes, uint64_t first_pseq, uint64_t pseq);
