/* What the files of the scorer share. Private to the scorer. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "services/scorer/core.h"
#include "services/scorer/cut.h"
#include "services/scorer/partition.h"

enum {
    SCORES_BYTES_MAX = 64 << 10,      /* of one Scores message; then another one with a later pseq */
    UNCOMMITTED_BYTES_MAX = 32 << 20, /* beyond it no further record is taken until a commit is through */
    CACHED_UNIT_BYTES = 8192,         /* of a usual unit: cached_units_max bounds bytes as well as units */
    SAY_AGAIN_US = 100000,            /* Gap (I10) and repeated Progress: at most so often per partition */
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
    struct err_text damage;  /* why entries of the partition below cannot be applied; empty: they can */
    uint32_t damaged;
    size_t dirty_units, uncommitted_bytes; /* of all partitions' `dirty` */
    size_t cut_units;                      /* … `cut` */
    size_t taking;                         /* partitions that are WANTED or CLAIMING */
    bool uncommitted;                      /* some partition's applied is beyond what it handed over */
    size_t releasing;                      /* partitions that are RELEASING */
    bool repeats;                          /* some partition's repeat is set */
    bool under_way;                        /* the work in `cut` is handed over */
    uint64_t ticket;                       /* of the last work */
    struct cut cut;
    int64_t next_commit_us, backoff_us, refused_after_us;
    struct buffer scratch_points, scratch_cells;
    struct buffer messages, pointers; /* parts of a protobuf message */
};

#define buffer_count(b, type) ((b)->size / sizeof(type))
/* Also one past the last; NULL for a buffer that never held anything, whose end is its start. */
static inline void *buffer_at(const struct buffer *b, size_t index, size_t bytes)
{
    return b->data ? b->data + index * bytes : NULL;
}

/* partition.c */
/* WANTED. */
struct partition *partition_new(uint32_t number, uint64_t owner_epoch);
void partition_destroy(struct partition **p);
/* In any state; NULL: not assigned. */
struct partition *partition_at(const struct scorer *s, uint32_t number);
/* OWNED or RELEASING; NULL: neither. */
struct partition *partition_held(const struct scorer *s, uint32_t number);
void partition_enter(struct scorer *s, struct partition *p, enum holding to);
void partition_add(struct scorer *s, struct partition *p);
/* What always holds between two entries: committed ≤ handed_over ≤ applied, told ≤ applied, and nothing waits to be
 * committed or told where they are equal. O(1). */
void partition_assert(const struct partition *p);

/* effects.c: on their way to state. The sums over all partitions are exact. */
/* All that is dirty is in the commit under way; it is in state; or nobody knows, and it is dirty as before. */
void effects_cut(struct scorer *s, struct partition *p);
void effects_committed(struct scorer *s, struct partition *p);
void effects_kept(struct scorer *s, struct partition *p);
/* They leave the sums. */
void effects_given_up(struct scorer *s, struct partition *p);

/* drop.c */
/* Forgets it, in whatever state; what is not committed goes with it. */
void partition_drop(struct scorer *s, uint32_t number);
/* Another owner was found in state: forgets it and says so (I11a). */
void partition_lost(struct scorer *s, const struct partition *p);
void partition_drop_all(struct scorer *s);

/* ownership.c: I5, I6. */
void ownership_assign(struct scorer *s, const Parbus__Assign *assign, int64_t now_us);
void ownership_release(struct scorer *s, const Parbus__Release *release, int64_t now_us);
/* What became of a claim: it was written, or not. */
void ownership_claimed(struct scorer *s, const struct state_claim *claim);
void ownership_unclaimed(struct scorer *s, const struct state_claim *claim);
/* Says Released when a partition that is RELEASING has nothing left to commit. */
void ownership_released(struct scorer *s, struct partition *p);
/* I1: the coordinator counts us as dead. What is applied is handed over if it can be at once, and all is forgotten. */
void ownership_forget(struct scorer *s, int64_t now_us);

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

/* trouble.c */
/* Whether state could be written the last time: heartbeats say it. NULL: it could. */
void note_writing(struct scorer *s, const struct err_text *e);
/* Whether the entries of a partition can be applied; NULL: they can. */
void note_damage(struct scorer *s, uint32_t partition, const struct err_text *e);

/* commit.c */
/* Hands over what is wanted and what is not committed; false: there is nothing, or something is under way. */
bool commit_hand_over(struct scorer *s, int64_t now_us);
/* As long as something is to be written, its trouble is told; then no more. */
void commit_forget_trouble(struct scorer *s);
/* It is time to. */
bool commit_due(const struct scorer *s, int64_t now_us);
/* When it will be, if nothing happens; INT64_MAX: never. */
int64_t commit_deadline_us(const struct scorer *s);
/* More is in memory than should be: no further record until a commit is through. */
bool commit_pressed(const struct scorer *s);
