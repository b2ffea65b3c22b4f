/* A state in memory behind a scorer core: what state.h promises, in linear lists. Faults on demand. */
#pragma once
#include "base/buffer.h"
#include "services/scorer/core.h"

enum { FAKE_PARTITIONS = 8 };

struct fake_key { /* unused fields are 0 */
    uint32_t partition, series, unit, stage;
};
struct fake_blob {
    struct fake_key key;
    size_t bytes;
    uint8_t *data;
};
struct fake_tally {
    uint32_t partition, feeder;
    uint64_t epoch;
    struct tally tally;
};
struct fake_reject {
    bool gone; /* taken back */
    uint32_t feeder, row;
    uint64_t epoch, seq;
    struct reject_header header;
    char detail[256];
};

struct fake_state {
    struct state_cursor cursor[FAKE_PARTITIONS];
    struct buffer values, scores; /* struct fake_blob */
    struct buffer tallies;        /* struct fake_tally */
    struct buffer rejects;        /* struct fake_reject */
    int commits, reads;           /* reads: of values */
    enum err fail_commit, fail_read, fail_own, fail_open;
    uint64_t journal_id;     /* that it was opened for */
    uint32_t damaged;        /* the partition whose cursor is; 0: none */
    const char *disk_says;   /* when a commit fails; NULL: disk */
    struct state_work *work; /* under way; NULL: nothing is */
    uint64_t ticket;
    const struct bookmark *bookmark; /* NULL: none to look at */
    uint64_t bookmark_at_read, bookmark_at_commit;
};

void fake_state_free(struct fake_state *s);
/* Writes what is under way, or fails to; false: nothing is. Scorer_written is the caller's to call. */
bool fake_state_write(struct fake_state *s, uint64_t *ticket, enum err *err);
/* ctx: struct fake_state. */
extern const struct scorer_store_io fake_state_io;

const struct cell *fake_cells(const struct fake_state *s, uint32_t partition, uint32_t unit, int stage); /* series 1 */
/* The header and points behind it, or NULL. */
const struct score_header *fake_score(const struct fake_state *s, uint32_t partition, uint32_t unit);
const int64_t *fake_points(const struct fake_state *s, uint32_t partition, uint32_t unit);
const struct tally *fake_tally(const struct fake_state *s, uint32_t partition, uint32_t feeder);
const struct fake_reject *fake_reject(const struct fake_state *s, size_t i); /* NULL: no more */
