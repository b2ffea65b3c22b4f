/* Who may ask how much at the door (D20): submissions come first, so what is asked beside them is answered from a
 * budget, `questions_per_s` of a connection and `questions_all_per_s` of all together, of which the first question of a
 * connection in a while takes nothing: whoever asks rarely is answered beside any who ask without end. Pure. Memory is
 * bounded: connections beyond ASKERS share budgets. */
#pragma once
#include "base/metrics.h"
#include "base/rate.h"
#include "base/settings.h"

enum { ASKERS = 4096, ASKERS_LOOKED_AT = 8 };

struct asker {
    uint64_t peer;          /* 0: none */
    struct rate questions;  /* answered */
    struct rate unanswered; /* … and not */
    int64_t told_us;        /* that it is to wait, until then */
    bool cut;
};

struct asking {
    const struct settings *settings;
    struct metrics *metrics;
    struct rate all;
    struct asker *asker; /* [ASKERS] */
};

enum asked {
    ASKED_ANSWER,
    ASKED_REFUSE, /* and say when to ask again */
    ASKED_DROP,   /* it was told already; counted */
    ASKED_CUT,    /* it goes on all the same: the connection is to be ended; counted */
};

void asking_init(struct asking *a, const struct settings *settings, struct metrics *metrics);
void asking_free(struct asking *a);
/* *retry_ms with ASKED_REFUSE. O(1). */
enum asked asking_take(struct asking *a, uint64_t peer, int64_t now_us, int64_t *retry_ms);
