/* A catalog for tests, and submissions against it: registry "units" (1 = "01" Hà Nội, 2 = "02" Hà Nam, 3 = "03" Huế,
 * which is not in the cohort), index "mini" with the tree 1 root = 2 + 5, 2 a = 3 + 4, 3 a1 points 0..10, 4 a2 ratio to
 * 100 of 10 points, 5 b points 0..20, stages self, appraised_1, survey; series 1 = period "2025". The control seq is 3.
 */
#pragma once
#include "base/buffer.h"
#include "catalog/catalog.h"
#include "door.pb-c.h"
#include "journal/record.h"

enum { A1 = 3, A2 = 4, B = 5, HA_NOI = 1, HA_NAM = 2, HUE = 3, RECEIVED_MS = 1000000 };

struct catalog *small_catalog_new(void);
/* The three control records that make it, in order. */
typedef void small_catalog_fn(void *ctx, const Parbus__Control *control);
void small_catalog_controls(small_catalog_fn *fn, void *ctx);

/* Controls for any catalog: the entry at (partition, pseq) is set aside, or sent again. */
enum err set_aside_in(struct catalog *c, uint32_t partition, uint64_t pseq, struct err_text *e);
enum err readmit_in(struct catalog *c, uint32_t partition, uint64_t pseq, struct err_text *e);

enum { DRAFT_ROWS_MAX = 64 };
struct draft { /* a submission being written */
    Parbus__Submission s;
    uint32_t indicator[DRAFT_ROWS_MAX];
    double value[DRAFT_ROWS_MAX];
    int64_t observed_ms[DRAFT_ROWS_MAX];
    Parbus__Evidence evidence[DRAFT_ROWS_MAX], *evidence_at[DRAFT_ROWS_MAX];
};
/* Index mini, period 2025, unit 01, stage self, seq 1, no rows. */
void draft_begin(struct draft *d);
void draft_row(struct draft *d, uint32_t indicator, double value);
void draft_retract_row(struct draft *d, uint32_t indicator);
void draft_evidence(struct draft *d, uint32_t row, const char *uri);

/* Adds the draft to the record that began at `start`; series 1. */
void draft_add(const struct draft *d, struct buffer *record, size_t start, uint32_t unit, uint32_t feeder,
               uint64_t seq);
/* A record of one submission, with control seq 3. */
void draft_record(const struct draft *d, struct buffer *record, uint32_t unit, uint32_t feeder, uint64_t seq);
