/* What must come out of a journal, computed without any code of the cores: own reading of records, own rules, integers
 * only, ranks by counting. It follows the journal record by record and keeps every standing of every unit with the
 * position that brought it, so that state can be checked at whatever position it has reached. */
#pragma once
#include "door.pb-c.h"
#include "journal.pb-c.h"
#include "tests/sim/model_rights.h"
#include "tests/sim/sim_catalog.h"
#include <stddef.h>

enum { MODEL_STAGES = 5, MODEL_PARTITIONS_MAX = 8 };

struct model_row { /* a unit as of pseq */
    uint64_t pseq;
    bool present, complete;
    int64_t points[SIM_NODES_MAX];
    uint32_t share, cause_feeder;
    uint64_t cause_epoch, cause_seq;
};

struct model_unit {
    struct model_cell {
        bool set, retracted;
        double value;
        int64_t observed_ms;
        uint64_t pseq;
        uint32_t row;
    } cell[MODEL_STAGES][SIM_LEAVES_MAX];
    uint32_t partition; /* of its history */
    uint64_t
        told; /* pseq of the first entry set aside that was about it; 0: none. It then has a row, if an empty one */
    struct model_row *history;
    size_t count, capacity;
};

struct model_tally { /* of a feeder in a partition, as of pseq */
    uint32_t partition, feeder;
    uint64_t epoch, pseq, scored, accepted_rows, rejected_rows;
};

struct model_reject {
    uint32_t feeder, row, reason, partition;
    uint64_t epoch, seq;
    bool gone; /* taken back since */
};

struct model_aside { /* an entry that takes no effect (I18) */
    uint32_t partition;
    uint64_t pseq;
    uint64_t readmitted, again_pseq; /* control seq; where it stands now. 0: it was not */
    uint64_t resolved_seq;           /* what was in force when its names were looked up */
};

struct model {
    struct model_unit unit[SIM_SERIES + 1][SIM_UNITS + 1];
    struct model_tally *tally;
    size_t tally_count, tally_capacity;
    struct model_reject *reject;
    size_t reject_count, reject_capacity;
    struct model_aside *aside;
    size_t aside_count, aside_capacity;
    uint64_t last[MODEL_PARTITIONS_MAX];    /* pseq */
    uint64_t controls;                      /* seq of the last one */
    uint32_t published;                     /* so many of them are the catalog's … */
    uint64_t publish_seq[SIM_CONTROLS + 1]; /* … with these seqs; 0: not yet */
    struct model_rights rights;
};

/* The next control; those of a group come before its records. What it sets aside must not be in the model yet: all of
 * the journal is read again. false: it cannot be, or makes no sense. */
bool model_control(struct model *m, const Parbus__Control *control);
/* NULL: not set aside. */
const struct model_aside *model_aside(const struct model *m, uint32_t partition, uint64_t pseq);
/* One journal record. false: it is not one, or does not follow the last one of its partition. */
bool model_append(struct model *m, uint32_t partition, uint64_t first_pseq, const uint8_t *record, size_t bytes);
void model_free(struct model *m);

/* As of pseq; NULL: nothing had any effect on it. */
const struct model_row *model_row_at(const struct model *m, uint32_t series, uint32_t unit, uint64_t pseq);
/* As of pseq; the newest entry of (partition, feeder, epoch); NULL: none. */
/* Of a feeder's submissions in a partition up to pseq; 0: none. */
uint64_t model_newest_epoch(const struct model *m, uint32_t partition, uint32_t feeder, uint64_t pseq);
const struct model_tally *model_tally_at(const struct model *m, uint32_t partition, uint32_t feeder, uint64_t epoch,
                                         uint64_t pseq);
/* 1 + units with more points; 0: not ranked. As of the end of the journal. */
uint32_t model_rank(const struct model *m, uint32_t series, uint32_t unit);
/* Whether this identity (0: nobody) might submit this, received then, as of the control that stands before it. */
bool model_allows(const struct model *m, uint32_t identity, const Parbus__Submission *s, uint64_t control_seq,
                  int64_t received_ms);
