/* What the files of the scorer share. Private to the scorer. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "services/scorer/core.h"
#include "services/scorer/tallies.h"
#include "services/scorer/units.h"

enum {
    SCORES_BYTES_MAX = 64 << 10,      /* of one Scores message; then another one with a later pseq */
    UNCOMMITTED_BYTES_MAX = 32 << 20, /* beyond it a commit does not wait for its interval */
    CACHED_UNIT_BYTES = 8192,         /* of a usual unit: cached_units_max bounds bytes as well as units */
    SAY_AGAIN_US = 100000,            /* Gap (I10) and repeated Progress: at most so often per partition */
};

struct pending_reject { /* a reject that is not committed; its sentence is at detail_at of partition.details */
    struct state_reject_put put;
    size_t detail_at;
};

struct partition {
    uint32_t number;
    uint64_t owner_epoch;
    uint64_t applied;   /* in memory */
    uint64_t committed; /* in state */
    uint64_t serial;    /* of the last Owned or Progress (I13a) */
    uint64_t controls;  /* control seq of the catalog when its first entry was applied (I15f); 0: none yet */
    uint64_t told;      /* pseq of the last Scores, sent or dropped; at first: applied when it was taken over (I15a) */
    struct units units;
    struct tallies tallies;
    struct buffer touched; /* struct cached_unit *: to be scored */
    struct buffer dirty;   /* struct cached_unit *: to be committed */
    struct buffer rejects; /* struct pending_reject */
    struct buffer details;
    size_t touched_bytes; /* what Scores will take at most */
    int64_t gap_after_us, repeat_after_us;
    bool repeat; /* the coordinator missed a Progress: say everything again */
    bool waits;  /* verdicts were refused for want of controls: asked for again when these are there */
};

struct scorer {
    struct worker worker;
    struct scorer_limits limits;
    struct scorer_io io;
    const struct catalog *catalog;
    uint32_t partitions;          /* of the journal; 0: not welcome yet */
    struct partition **partition; /* so many; NULL: not ours */
    uint32_t *owned;              /* the numbers of those that are */
    size_t owned_count;
    struct arena arena; /* one submission */
    struct metrics metrics;
    struct err_text trouble; /* why state cannot be written; empty: it can */
    size_t dirty_units, uncommitted_bytes;
    bool uncommitted; /* some partition's applied is beyond its committed */
    bool repeats;     /* some partition's repeat is set */
    int64_t next_commit_us, backoff_us, refused_after_us;
    struct buffer scratch_points, scratch_cells;
    struct buffer messages, pointers;                        /* parts of a protobuf message */
    struct buffer batches, values, scores, tallies, rejects; /* of a commit */
};

#define buffer_count(b, type) ((b)->size / sizeof(type))
/* Also one past the last; NULL for a buffer that never held anything, whose end is its start. */
static inline void *buffer_at(const struct buffer *b, size_t index, size_t bytes)
{
    return b->data ? b->data + index * bytes : NULL;
}

/* partition.c */
struct partition *partition_new(uint32_t number, uint64_t owner_epoch, uint64_t applied);
void partition_destroy(struct partition **p);
/* NULL: not held. */
struct partition *partition_held(const struct scorer *s, uint32_t number);
void partition_hold(struct scorer *s, struct partition *p);
/* Forgets it; what is not committed goes with it. */
void partition_drop(struct scorer *s, uint32_t number);
/* Another owner was found in state: forgets it and says so (I11a). */
void partition_lost(struct scorer *s, const struct partition *p);
void partition_drop_all(struct scorer *s);
void partition_clean(struct scorer *s, struct partition *p);
/* What always holds between two entries: committed and told lie at or before applied, and nothing waits to be committed
 * or told where they are equal. O(1). */
void partition_assert(const struct partition *p);

/* load.c: the unit out of memory or state. */
enum err unit_load(struct scorer *s, struct partition *p, const struct series *series, uint32_t unit,
                   struct cached_unit **out, struct err_text *e);
void unit_mark_changed(struct scorer *s, struct partition *p, struct cached_unit *u);
/* Forgets clean units when there are too many. */
void units_shrink(struct scorer *s);

/* apply.c: one submission of a record; entry is number `index` of it. Either all of it is applied or nothing. */
struct applying {
    const Parbus__Verdicts *verdicts;
    size_t reject; /* the next one that concerns this entry or a later one */
    const struct record_header *header;
    const struct record_entry *entry;
    const uint8_t *body;
    uint32_t index;
    uint64_t pseq;
};
enum err apply_entry(struct scorer *s, struct partition *p, struct applying *a, struct err_text *e);

/* verdicts.c */
void take_verdicts(struct scorer *s, const Parbus__Verdicts *v, int64_t now_us);

/* flush.c */
void partition_flush(struct scorer *s, struct partition *p);

/* answers.c: what the coordinator is told. */
void answer_owned(struct scorer *s, struct partition *p);
void answer_released(struct scorer *s, uint32_t partition, uint64_t owner_epoch, uint64_t applied, bool lost);
/* all: every tally, else those that changed. */
void answer_progress(struct scorer *s, struct partition *p, bool all);
void answer_gap(struct scorer *s, const struct partition *p);
void tell_committed(struct scorer *s);

/* commit.c */
/* Whether state could be written the last time: heartbeats say it. NULL: it could. */
void note_writing(struct scorer *s, const struct err_text *e);
enum err commit_all(struct scorer *s, int64_t now_us);
/* More is waiting to be committed than should be. */
bool commit_pressed(const struct scorer *s);
