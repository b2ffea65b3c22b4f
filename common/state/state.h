/* State: what follows from the journal. Writers: scorers, each only in the partitions that it owns (law 4); everybody
 * may read. It may be deleted at any time while no scorer runs: replay brings back the same content.
 *
 * LMDB environment `<dir>/state`:
 *   meta        "format", "journal" (id of the journal that it follows)
 *   partitions  partition be16                                      -> struct state_cursor, struct row_total[6]
 *   values      partition be16 | series be32 | unit be32 | stage u8 -> version u8, 7 zero bytes, struct cell[leaves]
 *   scores      partition be16 | series be32 | unit be32            -> struct score_header, int64 points[nodes]
 *   tallies     partition be16 | feeder be32                        -> epoch u64, struct tally
 *   rejects     feeder be32 | epoch be64 | seq be64 | row be32      -> struct reject_header, detail
 *
 * Behind each value of the last five lies its CRC32C (row.h); with a cursor, how many rows of each kind the partition
 * has and what their checksums add up to, so that a row that vanishes is noticed by whoever reads all of them (the
 * publisher, `rank`, a scorer that takes the partition, `verify`); with a unit's scores, the same of its values.
 * ERR_CORRUPT.
 *
 * A commit syncs its pages and then writes the meta page without waiting for it (MDB_NOMETASYNC): a power cut may take
 * the last transaction back, whole, cursor included, and never leaves a damaged environment; the journal has it all.
 *
 * All numbers in values are little-endian, without padding of undefined content; times are Unix milliseconds, points
 * micro-points. Evidence is not copied here: the cell's journal position leads to the submission that holds it. */
#pragma once
#include "base/err.h"
#include "base/settings.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATE_VERSION = 3 };

struct state_cursor {
    uint64_t owner_epoch;
    uint64_t applied; /* pseq; 0: nothing yet */
    uint64_t mark;    /* of that entry (record_mark): whether the journal still has it; 0: nothing yet */
};

enum cell_flags {
    CELL_PRESENT = 1,   /* a value is in force */
    CELL_RETRACTED = 2, /* it was taken back; observed_ms and position still decide what comes later */
    CELL_EVIDENCE = 4,
    CELL_REPLACED = 8, /* the replaced_* fields hold the value before this one */
};
/* The value of one (unit, leaf, stage). The later observed_ms wins, then the later pseq, then the later row. */
struct cell {
    double value;
    int64_t observed_ms, received_ms;
    uint64_t pseq;
    uint32_t row, feeder;
    uint64_t replaced_pseq;
    double replaced_value;
    uint32_t replaced_row, flags;
};
_Static_assert(sizeof(struct cell) == 64, "on-disk size");

struct score_header {
    uint8_t version, complete, present, zero;
    uint32_t appraised_share; /* millionths */
    uint32_t node_count, cause_feeder;
    uint64_t cause_epoch, cause_seq, cause_pseq;
};
_Static_assert(sizeof(struct score_header) == 40, "on-disk size");

/* What a unit has in a series: as a scorer commits it, and as the publisher takes it, from state or from a message. */
struct unit_score {
    uint32_t series, unit;
    struct score_header header;
    const int64_t *points; /* header.node_count */
};

struct tally { /* of a feeder in one partition, for its newest epoch: nobody waits for figures of an older one */
    uint64_t scored, accepted_rows, rejected_rows;
};

struct reject_header {
    uint8_t version, zero[3];
    uint32_t reason, partition, series;
    uint64_t pseq;
    int64_t received_ms;
    uint32_t indicator; /* 0: whole submission */
    uint32_t detail_bytes;
    double value;
};
_Static_assert(sizeof(struct reject_header) == 48, "on-disk size");

struct state;
struct state_options {
    bool writer;         /* creates; several writers may have it open */
    uint64_t journal_id; /* ERR_INVALID when the state follows another journal; 0: do not check (readers) */
    size_t map_bytes;    /* 0: default (64 GiB, sparse); readers: what the file has */
    bool network_fs_allowed;
    bool still; /* reader: a copy that nobody writes; nothing is made beside it */
};
/* A reader's, as the settings say; a writer sets `writer` in it. */
struct state_options state_options(const struct settings *settings, uint64_t journal_id);
/* `directory` is the <dir> above: the environment is its sub-directory "state". ERR_NOT_FOUND (reader, nothing there),
 * ERR_BUSY (open in this process already), ERR_VERSION, ERR_INVALID (another journal's state; file system that LMDB
 * does not support; process in another PID namespace), ERR_IO. One thread reads and one writes per handle, which may be
 * two; no use after fork. */
enum err state_open(struct state **s, const char *directory, const struct state_options *o, struct err_text *e);
void state_close(struct state **s);
/* The id of the journal that <directory>/state follows; 0: there is no state, or nothing in it yet. As state_open. */
enum err state_followed(const char *directory, uint64_t *journal_id, struct err_text *e);

/* ---- writing: one batch = the effects of one scorer since its last commit ---- */

struct state_values_put {
    uint32_t series, unit;
    uint8_t stage;
    const struct cell *cell;
    size_t cell_count;
};
struct state_tally_put {
    uint32_t feeder;
    uint64_t epoch;
    struct tally tally; /* absolute */
};
struct state_reject_put {
    uint32_t feeder, row;
    uint64_t epoch, seq;
    struct reject_header header;
    const char *detail;
    bool gone; /* takes back the reject at this key, if there is one (rule I19); applied in order with the others */
};
struct state_batch {
    uint32_t partition;
    uint64_t owner_epoch;
    uint64_t applied_before, applied; /* the cursor must be at applied_before */
    uint64_t mark;                    /* of the entry `applied` */
    const struct state_values_put *values;
    const struct unit_score *scores;
    const struct state_tally_put *tallies;
    const struct state_reject_put *rejects;
    size_t values_count, scores_count, tallies_count, rejects_count;
    /* Set by state_commit: another owner holds the partition, or its cursor is damaged, and nothing was written. */
    bool lost;
};
/* One transaction for all batches; those whose owner_epoch or cursor is not theirs any more are left out and marked
 * lost. ERR_FULL, ERR_IO: nothing was written. */
enum err state_commit(struct state *s, struct state_batch *batch, size_t count, struct err_text *e);

/* Taking partitions: what is asked, and what stands there then. */
struct state_claim {
    uint32_t partition;
    uint64_t owner_epoch;
    /* Set by state_claim. */
    struct state_cursor cursor;
    enum err err; /* ERR_LOST: a greater owner_epoch is there (rule I5a); ERR_CORRUPT: what is there is damaged */
    struct err_text why;
};
/* One transaction for all claims: writes each owner_epoch where no greater one is. May be repeated with the same
 * epochs. ERR_FULL, ERR_IO: nothing was written. */
enum err state_claim(struct state *s, struct state_claim *claim, size_t count, struct err_text *e);

/* Both as one piece of work: claims, then batches. */
struct state_work {
    struct state_claim *claim;
    struct state_batch *batch;
    size_t claims, batches;
};

/* ---- reading; each call is a short transaction of its own; ERR_NOT_FOUND: no such key ---- */

enum err state_cursor_get(struct state *s, uint32_t partition, struct state_cursor *cursor, struct err_text *e);
/* Copies cell_count cells; missing ones (the key is absent) are zero and ERR_NOT_FOUND is returned. */
enum err state_values_get(struct state *s, uint32_t partition, uint32_t series, uint32_t unit, uint8_t stage,
                          struct cell *cell, size_t cell_count, struct err_text *e);
enum err state_scores_get(struct state *s, uint32_t partition, uint32_t series, uint32_t unit,
                          struct score_header *header, int64_t *points, size_t points_max, struct err_text *e);
/* All scores of a partition, or of one series in it (series 0: all), and the cursor of the same instant. The pointers
 * are valid only inside fn; fn returning false stops. */
typedef bool state_scores_fn(void *ctx, uint32_t series, uint32_t unit, const struct score_header *header,
                             const int64_t *points);
enum err state_scores_each(struct state *s, uint32_t partition, uint32_t series, struct state_cursor *cursor,
                           state_scores_fn *fn, void *ctx, struct err_text *e);
typedef bool state_tally_fn(void *ctx, uint32_t feeder, uint64_t epoch, const struct tally *tally);
enum err state_tallies_each(struct state *s, uint32_t partition, state_tally_fn *fn, void *ctx, struct err_text *e);
/* Rejects in key order from (feeder, epoch, seq, row) on. Of one that is damaged header is NULL, detail says how, and
 * the others follow. */
typedef bool state_reject_fn(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                             const struct reject_header *header, const char *detail);
enum err state_rejects_each(struct state *s, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                            state_reject_fn *fn, void *ctx, struct err_text *e);

/* Compares the logical content of two states byte for byte, owner epochs left out (they say who worked, not what came
 * out). *difference says the first one, empty when there is none. */
enum err state_compare(struct state *a, struct state *b, char *difference, size_t bytes, struct err_text *e);
/* Reads all of it in one snapshot: checksums, order, and that nothing is missing or old. fn hears of each row's bytes;
 * an error of it ends the reading. ERR_CORRUPT with the place of the first fault; with `fault`, that hears of each
 * damaged row and of what is missing or old, and ERR_CORRUPT says how many there are. */
typedef enum err state_verify_fn(void *ctx, size_t bytes, struct err_text *e);
typedef void state_fault_fn(void *ctx, const char *sentence);
enum err state_verify(struct state *s, state_verify_fn *fn, state_fault_fn *fault, void *ctx, struct err_text *e);
/* A consistent copy while it is in use: <directory>/state, which must not be there yet. */
enum err state_copy(struct state *s, const char *directory, struct err_text *e);
/* The same, as store_stream (store.h). */
enum err state_stream(struct state *s, enum err (*fn)(void *ctx, const void *data, size_t bytes, struct err_text *e),
                      void *ctx, struct err_text *e);
