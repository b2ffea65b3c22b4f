/* The journal through a validator core and a scorer core in one process, without sockets: what state must be (law 2).
 */
#pragma once
#include "base/err.h"
#include "base/settings.h"
#include <stdint.h>

struct replay_totals {
    uint64_t records, submissions, observations; /* of data; an observation is a row */
    uint64_t done, planned;                      /* pseq, over all partitions */
    uint64_t left_out;                           /* pseq in the journal beyond `until` */
    int64_t took_us;
};

struct replay_options {
    const char *journal_directory; /* <dir> with the journal, which may be in use */
    const char *state_directory;   /* <dir> of the state to be made */
    const struct settings *settings;
    const uint64_t *until; /* last pseq of each partition; NULL: all there is */
    void (*progress)(void *ctx, const struct replay_totals *totals); /* about ten times a second; may be NULL */
    void *ctx;
};

enum err replay_run(const struct replay_options *o, struct replay_totals *totals, struct err_text *e);
