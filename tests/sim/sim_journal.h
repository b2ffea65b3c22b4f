/* The journal in memory, with the promises of journal.h, as long as no mutation breaks them. Every group that is
 * written is shown to the checks. */
#pragma once
#include "base/buffer.h"
#include "journal/journal.h"

struct sim;
struct actor;

enum { SIM_PARTITIONS_MAX = 6, SIM_FEEDERS_MAX = 16 };

struct sim_journal {
    struct sim_records {
        struct sim_record {
            uint64_t first_pseq;
            uint32_t count;
            size_t bytes;
            uint8_t *data;
        } * record;
        size_t count, capacity;
        uint64_t last;
    } partition[SIM_PARTITIONS_MAX];
    struct journal_feeder feeder[SIM_FEEDERS_MAX];  /* by number; [0] unused */
    struct journal_feeder earlier[SIM_FEEDERS_MAX]; /* before the last group */
    struct buffer control[8];                       /* by seq, packed */
    uint64_t controls, id, term;
    int64_t full_until_us, slow_until_us;
    uint32_t append_errors, read_errors; /* so many of the next calls fail */
    int64_t unsynced_until_us;           /* mutation: what was appended last is not there yet */
};

enum err sim_journal_append(struct sim *s, struct actor *n, const struct journal_group *g, struct err_text *e);
enum err sim_journal_read(struct sim *s, struct actor *n, uint32_t partition, uint64_t from_pseq, size_t bytes_max,
                          journal_record_fn *fn, void *ctx, struct err_text *e);
enum err sim_journal_controls(struct sim *s, struct actor *n, uint64_t from, journal_control_fn *fn, void *ctx,
                              struct err_text *e);
void sim_journal_free(struct sim_journal *j);
/* Bytes of the records after `from` and up to `to`, as far as they are wholly in between. */
uint64_t sim_journal_bytes(const struct sim_journal *j, uint32_t partition, uint64_t from, uint64_t to);
