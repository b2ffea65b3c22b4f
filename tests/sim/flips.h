/* Single bits that are not what was written: in a record of the journal, and in a row of state (cursors, values,
 * scores, tallies). What is there stays whole for the checks; whoever reads it in a process meets the flipped bit, and
 * says what the real stores say, by the real checksum: ERR_CORRUPT with the place.
 *
 * Half of them were the memory's, and are gone a while later. The others last until an operator puts a whole journal
 * there, or deletes state; the run does not end before everything else has, and it has been told which partition stands
 * still, and why (check_flips.c). */
#pragma once
#include "base/buffer.h"
#include "base/err.h"
#include "tests/sim/rng.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct sim_record;
struct sim_journal;
struct kv_row;

struct flip {
    size_t bit;       /* its number in the data, from 1; 0: all is as it was written */
    int64_t until_us; /* INT64_MAX: until it is mended */
};

/* They have dice of their own: with them, a seed stays the run that it is without them, up to the first one read. */
struct flips {
    struct rng rng;
    int64_t next_us, every_us; /* on average; INT64_MAX: never */
    struct buffer read;        /* a record, with its flipped bit */
};

/* Half of the runs have none. */
void flips_draw(struct sim *s);
/* At next_us: one bit of something that is there. */
void flips_happen(struct sim *s);

/* What a process reads of a record: *data, valid until the next call. ERR_CORRUPT. */
enum err flips_read_record(struct sim *s, uint32_t partition, const struct sim_record *r, const uint8_t **data,
                           struct err_text *e);
/* `copy` was read from the row's data at `at`. ERR_CORRUPT; NULL is no row, and whole. */
enum err flips_read_row(struct sim *s, const struct kv_row *row, size_t at, void *copy, size_t bytes,
                        struct err_text *e);

/* … of the partition's cursor. */
enum err flips_read_cursor(struct sim *s, uint32_t partition, struct err_text *e);

/* Some last, so that an operator has to come. */
bool flips_last(const struct sim *s);
/* The partition's first record after `applied` that stays damaged; NULL: none. */
const struct sim_record *flips_next(const struct sim *s, uint32_t partition, uint64_t applied);
/* A row of its partition stays damaged. */
bool flips_in_partition(const struct sim *s, uint32_t partition);

/* The operator comes: the journal is put back as it was written, and a damaged state is deleted. */
void flips_mend(struct sim *s);
/* A journal from a copy, which was checked when it was made. */
void flips_forget(struct sim_journal *j);
