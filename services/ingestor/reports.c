#include "services/ingestor/reports.h"
#include "base/err.h"
#include "services/ingestor/agenda.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/internal.h"
#include "services/ingestor/ownership.h"
#include "services/ingestor/past.h"
#include "services/ingestor/tallies.h"
#include <stdio.h>

enum { REFUSED_REST_US = 2000000 };

/* The partition a message is about, when it comes from its present owner (rule I4); else NULL. */
static struct partition *owned_by(struct coordinator *c, int w, uint32_t p, uint64_t owner_epoch)
{
    if (p >= c->partitions || c->partition[p].owner_epoch != owner_epoch || c->partition[p].scorer != w) {
        metric_add(c->metrics, records_not_owned, 1);
        return NULL;
    }
    return &c->partition[p];
}

/* State has come further than this journal or its term, so what follows would never be applied. Nobody but an operator
 * can put that right; a greater owner epoch is tried now and then, for ours grow; what was applied and is not in the
 * journal must not be built upon, however long the journal gets. */
static void state_is_ahead(struct coordinator *c, uint32_t p, int64_t rest_until_us, int64_t now_us)
{
    tell(c->io, TELL_ERROR, "partition.state_ahead",
         "partition=%u why=\"state is ahead of the journal: " OLDER_JOURNAL "\"", p);
    c->partition[p].rest_until_us = rest_until_us;
    ownership_enter(c, p, OWNERSHIP_UNOWNED, now_us);
}

/* Owned holds all tallies, so it makes up for whatever was lost before it. */
static void hear_all(struct partition *part, uint64_t serial)
{
    if (serial < part->heard)
        return;
    part->heard = serial;
    part->missed = false;
}

static void miss(struct coordinator *c, uint32_t p, int64_t now_us)
{
    c->partition[p].missed = true;
    agenda_add(c, p, now_us);
}

static void hear_some(struct coordinator *c, uint32_t p, uint64_t serial, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (serial > part->heard + 1)
        miss(c, p, now_us);
    if (serial > part->heard)
        part->heard = serial;
}

void reports_owned(struct coordinator *c, int w, const Parbus__Owned *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part || (part->state != OWNERSHIP_ASSIGNING && part->state != OWNERSHIP_OWNED))
        return;
    struct err_text why;
    if (past_check(c, m->partition, m->applied, m->mark, &why)) {
        snprintf(c->ahead, sizeof c->ahead, "%s", why.text);
        state_is_ahead(c, m->partition, INT64_MAX, now_us);
        return;
    }
    tallies_take(c, m->partition, m->tally, m->n_tally);
    hear_all(part, m->serial);
    if (part->state == OWNERSHIP_OWNED) {
        flow_applied(c, m->partition, m->applied, now_us);
        return;
    }
    flow_resume(c, m->partition, m->applied);
    ownership_enter(c, m->partition, OWNERSHIP_OWNED, now_us);
}

void reports_released(struct coordinator *c, int w, const Parbus__Released *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part)
        return;
    if (m->lost && part->state == OWNERSHIP_ASSIGNING) { /* I5b: a greater epoch than any of ours */
        state_is_ahead(c, m->partition, now_us + REFUSED_REST_US, now_us);
        return;
    }
    if (m->lost)
        tell(c->io, TELL_WARN, "partition.lost", "partition=%u instance=%s", m->partition, c->worker[w].instance);
    ownership_enter(c, m->partition, OWNERSHIP_UNOWNED, now_us);
}

void reports_progress(struct coordinator *c, int w, const Parbus__Progress *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part)
        return;
    tallies_take(c, m->partition, m->tally, m->n_tally);
    hear_some(c, m->partition, m->serial, now_us);
    flow_applied(c, m->partition, m->applied, now_us);
}

void reports_gap(struct coordinator *c, int w, const Parbus__Gap *m, int64_t now_us)
{
    struct partition *part = owned_by(c, w, m->partition, m->owner_epoch);
    if (!part || part->state != OWNERSHIP_OWNED || m->applied < part->applied || m->applied >= part->sent)
        return;
    flow_send_from(c, m->partition, m->applied, now_us);
}

void reports_held(struct coordinator *c, int w, const Parbus__Heartbeat *beat, int64_t now_us)
{
    uint8_t held[JOURNAL_PARTITIONS_MAX / 8] = {0};
    for (size_t i = 0; i < beat->n_owned; i++)
        if (beat->owned[i] < JOURNAL_PARTITIONS_MAX)
            held[beat->owned[i] / 8] |= (uint8_t)(1u << beat->owned[i] % 8);
    for (uint32_t p = 0; p < c->partitions; p++)
        if (c->partition[p].scorer == w && c->partition[p].state == OWNERSHIP_OWNED && !(held[p / 8] >> p % 8 & 1))
            miss(c, p, now_us);
}
