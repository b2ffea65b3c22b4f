#include "services/ingestor/ownership.h"
#include "base/err.h"
#include "services/ingestor/agenda.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/roster.h"

STATE_MACHINE(ownership_machine, "partition", OWNERSHIP_EDGES, "unowned", "assigning", "owned", "releasing");

enum { ASK_AGAIN_US = 200000 };

void ownership_enter(struct coordinator *c, uint32_t p, enum ownership state, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (part->state == OWNERSHIP_OWNED)
        part->paused_us = now_us;
    STATE_ENTER(&ownership_machine, part->state, state);
    part->entered_us = part->progress_us = now_us;
    part->asked_us = INT64_MIN / 2;
    if (state == OWNERSHIP_UNOWNED) {
        flow_recall(c, p);
        part->scorer = WORKER_NONE;
    }
    part->unplaced = true;
    agenda_add(c, p, now_us);
}

void ownership_take_away(struct coordinator *c, uint32_t p, int64_t now_us)
{
    if (c->partition[p].state != OWNERSHIP_UNOWNED)
        ownership_enter(c, p, OWNERSHIP_UNOWNED, now_us);
}

void ownership_worker_gone(struct coordinator *c, int w, int64_t now_us)
{
    for (uint32_t p = 0; p < c->partitions; p++) {
        struct partition *part = &c->partition[p];
        if (part->scorer == w)
            ownership_enter(c, p, OWNERSHIP_UNOWNED, now_us);
        if (part->validator_next == w)
            part->validator_next = WORKER_NONE;
        if (part->validator == w) {
            part->validator = WORKER_NONE;
            flow_recall(c, p);
        }
    }
}

static void assign(struct coordinator *c, uint32_t p, int16_t scorer, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    part->scorer = scorer;
    part->owner_epoch = c->term << 32 | ++c->epochs;
    part->heard = 0;
    part->missed = false;
    ownership_enter(c, p, OWNERSHIP_ASSIGNING, now_us);
    metric_add(c->metrics, partitions_moved, 1);
}

static void place(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    int16_t scorer = roster_choose(c, PARBUS__ROLE__ROLE_SCORER, p);
    bool elsewhere = scorer != WORKER_NONE && scorer != part->scorer;
    if (part->state == OWNERSHIP_UNOWNED && elsewhere && now_us >= part->rest_until_us)
        assign(c, p, scorer, now_us);
    else if (part->state == OWNERSHIP_OWNED && (elsewhere || c->worker[part->scorer].state == WORKER_LEAVING))
        ownership_enter(c, p, OWNERSHIP_RELEASING, now_us);
    part->validator_next = roster_choose(c, PARBUS__ROLE__ROLE_VALIDATOR, p);
    part->unplaced = false;
}

void ownership_rebalance(struct coordinator *c, int64_t now_us)
{
    c->rebalance = false;
    for (uint32_t p = 0; p < c->partitions; p++) {
        c->partition[p].unplaced = true;
        agenda_add(c, p, now_us);
    }
}

static void ask(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (now_us - part->asked_us < ASK_AGAIN_US)
        return;
    part->asked_us = now_us;
    if (part->state == OWNERSHIP_ASSIGNING || (part->state == OWNERSHIP_OWNED && part->missed)) {
        Parbus__Assign m = PARBUS__ASSIGN__INIT;
        m.has_partition = m.has_owner_epoch = 1;
        m.partition = p;
        m.owner_epoch = part->owner_epoch;
        roster_send(c, part->scorer, PARBUS__TO_WORKER__BODY_ASSIGN, &m.base);
    } else if (part->state == OWNERSHIP_RELEASING) {
        Parbus__Release m = PARBUS__RELEASE__INIT;
        m.has_partition = m.has_owner_epoch = 1;
        m.partition = p;
        m.owner_epoch = part->owner_epoch;
        roster_send(c, part->scorer, PARBUS__TO_WORKER__BODY_RELEASE, &m.base);
    }
}

void ownership_look(struct coordinator *c, uint32_t p, int64_t now_us)
{
    struct partition *part = &c->partition[p];
    if (part->state == OWNERSHIP_RELEASING && now_us - part->entered_us > c->settings->release_timeout_ms * 1000) {
        tell(c->io, TELL_WARN, "partition.release_timeout", "partition=%u instance=%s", p,
             c->worker[part->scorer].instance);
        ownership_enter(c, p, OWNERSHIP_UNOWNED, now_us);
    }
    if (part->rest_until_us && now_us >= part->rest_until_us) {
        part->rest_until_us = 0;
        part->unplaced = true;
    }
    if (part->unplaced)
        place(c, p, now_us);
    if (part->state == OWNERSHIP_OWNED)
        flow_resend_overdue(c, p, now_us);
    ask(c, p, now_us);
}
