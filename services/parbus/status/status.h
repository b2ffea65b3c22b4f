/* What `parbus status` knows: the supervisor's processes, if one runs here, and what the ingestor, as coordinator,
 * tells (D13). Either may be absent; what is not known is shown as "-". */
#pragma once
#include "services/parbus/status/stats.h"
#include "supervisor.pb-c.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct status_row { /* one process */
    const char *service, *instance;
    const char *state;          /* the supervisor's word, else the ingestor's */
    uint32_t pid;               /* 0: not known, or none */
    int64_t restarts, alive_ms; /* -1: not known; likewise below */
    int64_t heartbeat_age_ms, partitions, lag, rate_per_s;
    uint32_t ended;           /* how often in the last minute, without having been told to */
    const char *worker_state; /* the ingestor's word; NULL: it knows nothing of it */
    char *owned;              /* "0-15,40"; malloc'ed, "" when there are none */
};

struct status {
    const char *directory;
    const Parbus__Processes *processes; /* NULL: no supervisor runs here */
    const Parbus__StatsReply *reply;    /* NULL: the ingestor does not answer */
    const char *why;                    /* … because of this */
    struct status_row *row;
    size_t count;
    json_t *wrong, *warnings; /* sentences */
};

/* Fills row, count, wrong and warnings from the rest. */
void status_work_out(struct status *s, uint32_t ingestor_pid);
void status_free(struct status *s);

/* rows.c: a row for each process, by what the supervisor and the ingestor say. */
void status_add_rows(struct status *s, uint32_t ingestor_pid);
/* wrong.c: what an operator should look at, in words; causes before effects. */
json_t *status_wrong(const struct status *s);
/* … and what does not keep the pipeline from its work. */
json_t *status_warnings(const struct status *s);

void status_print_table(const struct status *s, bool partitions, FILE *out);
void status_print_json(const struct status *s, FILE *out);
/* One figure per name: the sum over the processes that report it. */
json_t *status_counters(const Parbus__StatsReply *reply);
