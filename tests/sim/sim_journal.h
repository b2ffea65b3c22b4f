/* The journal in memory, with the promises of struct ingestor_io's `append` as long as no mutation breaks them: it
 * answers later, and a group may be there before the answer, or after an answer that it is not. Every group that is
 * written is shown to the checks. sim_append.c has the conversation, sim_journal.c what is there. */
#pragma once
#include "base/buffer.h"
#include "journal/journal.h"
#include "tests/sim/flips.h"

struct sim;
struct actor;

enum { SIM_PARTITIONS_MAX = 6, SIM_FEEDERS_MAX = 16, SIM_JOURNAL_CONTROLS_MAX = 512 };

/* Where a journal stands; all before it stays as it is. */
struct sim_journal_position {
    size_t count[SIM_PARTITIONS_MAX];
    uint64_t last[SIM_PARTITIONS_MAX];
    struct journal_feeder feeder[SIM_FEEDERS_MAX];
    uint64_t controls, term, commits;
};

/* A group between append and its answer, and after an answer that it is not there. */
struct sim_append {
    bool under_way;
    bool there;   /* on the disk */
    bool refused; /* it has to come again */
    bool fenced;  /* the writer has been told that another one took its place */
    uint64_t ticket;
    int64_t due_us;
    struct journal_group group; /* a copy */
};

struct sim_journal {
    struct sim_records {
        struct sim_record {
            uint64_t first_pseq;
            uint32_t count;
            size_t bytes;
            uint8_t *data;    /* as it was written */
            struct flip flip; /* … but for this, to whoever reads it */
        } * record;
        size_t count, capacity;
        uint64_t last;
        uint64_t sure; /* … that its writer knows of */
    } partition[SIM_PARTITIONS_MAX];
    struct journal_feeder feeder[SIM_FEEDERS_MAX];   /* by number; [0] unused */
    struct journal_feeder sure[SIM_FEEDERS_MAX];     /* … that the writer knows of */
    struct sim_journal_position before, copy;        /* before the last group */
    struct buffer control[SIM_JOURNAL_CONTROLS_MAX]; /* by seq, packed */
    struct buffer told[SIM_JOURNAL_CONTROLS_MAX];    /* mutation: what workers are told instead; empty: nothing */
    uint64_t controls, id, term;
    uint64_t sure_controls; /* that the writer knows of */
    uint64_t commits;       /* with records */
    struct sim_append append;
    uint64_t answered_step; /* of the run, when it answered last */
    bool fence;             /* another writer has taken over, of which nothing else is seen */
    int64_t full_until_us, slow_until_us;
    uint32_t append_errors, read_errors; /* so many of the next calls fail */
    uint32_t lies;                       /* so many of the next commits are there though they failed */
    bool power_fails_next;               /* after such a commit */
    bool unsynced;                       /* the writer does not know of the last one yet: a power cut may take it */
};

/* As io.append. */
enum err sim_journal_append(struct sim *s, struct actor *n, const struct journal_group *g, uint64_t ticket);
/* The answer, once it is due. false: there is none yet. */
bool sim_journal_answer(struct sim *s, struct actor *n, uint64_t *ticket, enum err *result, const char **why);
/* INT64_MAX: nobody waits for one. */
int64_t sim_journal_due_us(const struct sim_journal *j);
/* The writer has died: what was under way is there or not. */
void sim_journal_abandoned(struct sim *s);
/* Another writer takes over. */
void sim_journal_fence(struct sim *s);
/* Written, and shown to the checks. Private to the journal. */
void sim_journal_write(struct sim *s, const struct journal_group *g);
enum err sim_journal_read(struct sim *s, struct actor *n, uint32_t partition, uint64_t from_pseq, size_t bytes_max,
                          journal_record_fn *fn, void *ctx, struct err_text *e);
enum err sim_journal_controls(struct sim *s, struct actor *n, uint64_t from, journal_control_fn *fn, void *ctx,
                              struct err_text *e);
/* A writer opens it: what is there counts. */
void sim_journal_open(struct sim *s);
void sim_journal_power_cut(struct sim *s);
void sim_journal_copy(struct sim_journal *j);
void sim_journal_restore(struct sim *s);
void sim_journal_free(struct sim_journal *j);
void sim_append_free(struct sim_append *a);
/* The record that holds this entry; NULL: none does. */
const struct sim_record *sim_journal_record(const struct sim_journal *j, uint32_t partition, uint64_t pseq);
struct sim_entry { /* as in the journal; its body follows */
    uint32_t bytes, feeder;
    uint64_t epoch, seq;
    uint32_t series, unit;
};
/* false: it is not one of the record's. */
bool sim_record_entry(const struct sim_record *r, uint64_t pseq, struct sim_entry *out);
/* Bytes of the records after `from` and up to `to`, as far as they are wholly in between. */
uint64_t sim_journal_bytes(const struct sim_journal *j, uint32_t partition, uint64_t from, uint64_t to);
