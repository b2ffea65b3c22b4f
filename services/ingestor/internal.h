/* What the files of the ingestor's core share. Private to it. */
#pragma once
#include "services/ingestor/coordinator.h"
#include "services/ingestor/door.h"

struct ingestor {
    char instance[65];
    struct settings settings;
    struct ingestor_io io;
    struct metrics metrics;
    struct catalog *catalog;
    struct door door;
    struct coordinator coordinator;
    struct arena answer;     /* of Description, StatsReply, Verdict */
    struct journal_put *put; /* scratch of a commit */
    struct buffer marks;
    int64_t committed_us, scored_us;
    int64_t set_aside_after_us; /* the journal refused: not tried again before */
    bool doubtful, outdated;    /* a commit failed: look what the journal says; it is there all the same */
};

/* core.c: writes the group that is being gathered; whoever waits for it is told how it went. */
void ingestor_commit(struct ingestor *i, struct ingestor_now now);
/* With OK the group is on disk, and partitions are longer. */
enum err ingestor_append(struct ingestor *i, const struct journal_group *g, struct err_text *e);

/* controls.c: journals SetAside where a partition waits for nothing else (I17). */
void controls_set_aside(struct ingestor *i, struct ingestor_now now);
/* Journals the entry once more and answers (I19). */
void controls_retry(struct ingestor *i, uint64_t peer, const Parbus__Retry *ask, struct ingestor_now now);

/* questions.c: each answers at once. */
void questions_status(struct ingestor *i, uint64_t peer, const Parbus__Status *status);
void questions_describe(struct ingestor *i, uint64_t peer, const Parbus__Describe *ask);
void questions_stats(struct ingestor *i, uint64_t peer, struct ingestor_now now);
