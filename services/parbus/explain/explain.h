/* Everything that stands behind the score of one unit, read from journal and state: values of all stages with their
 * feeders, times, positions and evidence, points per node, and the rank. Nothing is written. */
#pragma once
#include "door.pb-c.h"
#include "journal/journal.h"
#include "standings/read.h"

enum { EXPLAIN_STAGES = 5 /* 1..4 */ };

struct explain_feeder {
    uint32_t number;
    char name[FEEDER_NAME_BYTES];
};

struct explanation {
    struct journal *journal;
    struct catalog *catalog;
    struct state *state;
    const struct series *series;
    const struct definition *definition;
    const struct unit *unit;
    uint32_t partition;
    struct score_header score;
    int64_t *points;                    /* node_count */
    struct cell *cells[EXPLAIN_STAGES]; /* leaf_count each; NULL: no value of this stage */
    uint32_t rank, ranked, cohort;      /* rank 0: not ranked */
    struct explain_feeder *feeder;
    size_t feeder_count;
};

/* The stores and the catalog; explain_close gives everything back, also after an error. */
enum err explain_open(struct explanation *x, const char *directory, struct err_text *e);
/* ERR_NOT_FOUND, ERR_AMBIGUOUS with a sentence that names what there is. */
enum err explain_read(struct explanation *x, const char *index, const char *period, const char *unit,
                      struct err_text *e);
void explain_close(struct explanation *x);

/* "feeder 7" when the journal does not name it; static. */
const char *explain_feeder(const struct explanation *x, uint32_t number);
/* The highest stage with a value of this leaf; 0: none. */
int explain_stage(const struct explanation *x, uint32_t leaf);

/* The evidence of a cell, out of the submission in the journal. */
typedef void explain_evidence_fn(void *ctx, const Parbus__Evidence *evidence);
enum err explain_evidence(const struct explanation *x, const struct cell *cell, explain_evidence_fn *fn, void *ctx,
                          struct err_text *e);

/* The rule in words: "ratio to target 100, nothing below 60". */
enum { RULE_TEXT_BYTES = 512 };
void explain_rule(const struct node *leaf, unsigned decimals, char text[static RULE_TEXT_BYTES]);
