/* Faults in the software: submissions that end, or hang, whoever looks at them, by what they say, as a real fault
 * would. They are in functions that the linker wraps around the real ones, in the middle of a core's call, and know
 * nothing of how the cores deal with them (rules I17 to I19). */
#pragma once
#include "inside.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct actor;
struct draft;

enum poison_kind {
    POISON_NONE,
    POISON_ENDS_VALIDATOR,
    POISON_HANGS_VALIDATOR,
    POISON_ENDS_SCORER,
    POISON_HANGS_SCORER,
    POISON_KINDS
};

struct poison {
    struct poison_fault {
        int64_t from_us, until_us; /* until the operator mends it */
        bool sometimes;            /* half of the looks are survived */
    } fault[POISON_KINDS];
    uint32_t left, chance; /* submissions still to be made deadly; of a million */
    bool used;             /* there is a fault at some time */
    bool retried_in_end;   /* the operator goes on until all that can be survived was sent again */
    struct poison_report { /* deaths that this life of the ingestor was told of */
        uint32_t partition;
        uint64_t pseq, incarnation;
    } * report;
    size_t report_count, report_capacity;
    const struct sim_record *replayed; /* the record that a replay is at … */
    uint32_t replayed_partition;       /* … in this partition */
};

void poison_draw(struct sim *s);
/* Makes a few of them deadly. */
void poison_draft(struct sim *s, struct draft *d);
/* From here on this process looks at submissions; NULL: nobody does. */
void poison_looks(struct sim *s, struct actor *n);
/* A replay looks at the entries of this record; NULL: it is over. */
void poison_replays(struct sim *s, uint32_t partition, const struct sim_record *record);
/* Its turn has to be one that can be left in its middle. */
bool poison_may_hang(const struct sim *s, const struct actor *n);
/* Whoever looks at submissions of this kind dies, now. */
bool poison_deadly(const struct sim *s, enum poison_kind kind);

/* The ingestor is told what a worker was at when it ended. */
void poison_reported(struct sim *s, const Parbus__WorkerHello *hello);
/* … starts again, and knows of no deaths any more. */
void poison_reports_forgotten(struct sim *s);
/* How many different processes were reported to have ended there. */
uint32_t poison_blamed(const struct sim *s, uint32_t partition, uint64_t pseq);
/* They speak of a journal that there is not any more. */
void poison_bookmarks_deleted(struct sim *s);
/* The power goes: what bookmarks say is kept, or not. */
void poison_power_cut(struct sim *s);
