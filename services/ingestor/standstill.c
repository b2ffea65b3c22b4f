#include "services/ingestor/standstill.h"
#include "base/err.h"

STATE_MACHINE(standstill_machine, "standstill", STANDSTILL_EDGES, "moves", "stands");

enum { TURNS = 4 };

int64_t standstill_patience_us(const struct settings *settings)
{
    return (int64_t)TURNS * 1000 *
           (settings->worker_lease_ms + settings->resend_after_ms + settings->commit_interval_ms);
}

void standstill_look(struct standstill *s, struct standstill_view v, int64_t now_us)
{
    if (v.applied != s->applied || v.applied >= v.last || v.chance == STANDSTILL_HINDERED)
        s->still_since_us = now_us;
    else if (v.chance == STANDSTILL_QUEUED)
        s->still_since_us += now_us - s->looked_us;
    ASSERT(s->still_since_us <= now_us);
    s->applied = v.applied;
    s->looked_us = now_us;
}

void standstill_forgive(struct standstill *s, int64_t now_us) { s->still_since_us = s->looked_us = now_us; }

int64_t standstill_us(const struct standstill *s, int64_t patience_us, int64_t now_us)
{
    int64_t us = now_us - s->still_since_us;
    return us > patience_us ? us : 0;
}
