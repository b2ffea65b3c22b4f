/* A scorer core on a fake state, with what it said; for test_scorer_core.c and test_scorer_ownership.c. */
#pragma once
#include "at.h"
#include "fake_state.h"
#include "page.h"
#include "small_catalog.h"
#include <stdio.h>

enum { SAID_MAX = 64, INTERVAL_US = 50000, EPOCH = 11, JOURNAL = 77 };

struct said_scores {
    uint32_t partition;
    uint64_t prev_pseq, pseq;
    size_t units;
    uint32_t unit;
    bool complete, present;
    int64_t root;
    uint64_t cause_seq;
    uint64_t control_seq;
};

struct world {
    struct catalog *catalog;
    struct fake_state *state;
    struct scorer *core;
    int hello, heartbeat, owned, released, progress, gap, leave, committed, troubles;
    uint64_t owned_applied, owned_mark, released_applied, released_epoch, progress_applied, gap_applied, committed_pseq;
    bool released_lost;
    char trouble[128]; /* of the last Heartbeat */
    size_t progress_tallies, owned_tallies;
    uint64_t tally_scored, tally_accepted, tally_rejected; /* of the last Owned or Progress, its first */
    struct said_scores scores[SAID_MAX];
    size_t scores_count;
    enum err coordinator_result, publisher_result;
    struct bookmark bookmark;
    uint64_t bookmark_at_scores;
    bool disk_waits; /* what is handed over to state is answered by world_written only; else at once */
};

void world_setup(struct world *w, struct fake_state *state);
void world_setup_limited(struct world *w, struct fake_state *state, size_t cached_units_max);
/* Records come from there. */
void world_setup_reading(struct world *w, struct fake_state *state, const struct record_source *records);
void world_teardown(struct world *w);

void world_assign(struct world *w, uint32_t partition, uint64_t epoch, int64_t now_us);
void world_release(struct world *w, uint32_t partition, uint64_t epoch, int64_t now_us);
void world_welcome(struct world *w, uint64_t term, int64_t now_us);
/* Frees the page. */
void world_control(struct world *w, struct page *page, int64_t now_us);
void world_who_are_you(struct world *w, int64_t now_us);

int64_t world_tick(struct world *w, int64_t now_us);
/* State answers, if it has something to answer. */
void world_written(struct world *w, int64_t now_us);
/* Commits whatever is not committed. */
void world_commit(struct world *w);

void world_verdicts(struct world *w, const Parbus__Verdicts *v, int64_t now_us);
/* As the journal would. Too short a record stays as it is. */
void world_seal(struct buffer *record, uint32_t partition, uint64_t first_pseq);
/* Verdicts of partition 0 under EPOCH that accept the whole record. */
void world_give(struct world *w, const struct buffer *record, uint64_t first_pseq, int64_t now_us);
void world_give_to(struct world *w, uint32_t partition, uint64_t epoch, const struct buffer *record,
                   uint64_t first_pseq, int64_t now_us);
/* One accepted row of unit HA_NOI in partition 0. */
void world_give_row(struct world *w, uint64_t pseq, uint32_t indicator, double value, int64_t observed_ms);

/* Partition 0 assigned under EPOCH, and a record to write into. */
struct fixture {
    struct fake_state state;
    struct world w;
    struct buffer record;
    struct draft d;
};

void fixture_setup(struct fixture *f);
void fixture_teardown(struct fixture *f);
/* Aborts when it fails. */
void fixture_commit(struct fixture *f);
