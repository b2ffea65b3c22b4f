#include "services/ingestor/receipts.h"
#include "base/err.h"

static void send_receipt(struct door *d, const struct feeder *f)
{
    Parbus__Receipt receipt = PARBUS__RECEIPT__INIT;
    receipt.has_up_to_seq = receipt.has_epoch = receipt.has_digest = 1;
    receipt.epoch = f->mark.epoch;
    receipt.up_to_seq = f->receipted;
    receipt.digest = f->receipted_digest;
    receipt.has_bye = receipt.bye = f->free;
    door_send(d, f->peer, PARBUS__TO_FEEDER__BODY_RECEIPT, &receipt.base);
}

void receipts_repeat(struct door *d, struct feeder *f, struct moment now)
{
    if (door_reaches(d, f, now))
        send_receipt(d, f);
}

static void give(struct door *d, const struct group_feeder *g, const struct journal_feeder *mark, struct moment now)
{
    struct feeder *f = feeders_at(&d->feeders, g->number);
    ASSERT(f);
    feeders_enter(&d->feeders, f);
    if (mark->epoch != f->mark.epoch) /* its receipts are of an epoch that is over (D4) */
        return;
    ASSERT(mark->last_seq >= f->receipted && mark->last_seq <= f->mark.last_seq);
    ASSERT(f->unreceipted_bytes >= g->bytes);
    if (mark->refused != f->receipted_refused)
        receipts_totals_changed(d, g->number);
    f->receipted = mark->last_seq;
    f->receipted_refused = mark->refused;
    f->receipted_digest = mark->digest;
    f->free = mark->free && f->mark.free;
    f->unreceipted_bytes -= g->bytes;
    feeders_assert(f);
    if (mark->removed && f->mark.removed)
        feeders_leave(&d->feeders, f);
    receipts_repeat(d, f, now);
}

/* Before its receipt, with which its feeder forgets it. */
static void refuse(struct door *d, const struct group_refusal *r, struct moment now)
{
    struct feeder *f = feeders_at(&d->feeders, r->feeder);
    if (f->mark.epoch == r->epoch && door_reaches(d, f, now))
        door_tell_refused(d, f->peer, r->seq, PARBUS__REASON__REFUSED_NOT_AUTHORISED, r->detail, 0);
}

void receipts_give(struct door *d, const struct group *g, struct moment now)
{
    for (size_t i = 0; i < group_refusal_count(g); i++)
        refuse(d, group_refusal(g, i), now);
    metric_add(d->metrics, submissions_journalled, g->submissions);
    metric_add(d->metrics, observations_journalled, g->rows);
    for (size_t i = 0; i < g->closed.mark_count; i++)
        give(d, group_feeder(g, i + 1), &g->closed.mark[i].value, now);
}

void receipts_delayed(struct door *d, const char *why, struct moment now)
{
    for (uint32_t number = 1; number < d->feeders.count; number++) {
        struct feeder *f = feeders_at(&d->feeders, number);
        if (!f || f->mark.last_seq == f->receipted || !door_reaches(d, f, now))
            continue;
        f->gap_told = true;
        door_refuse(d, f->peer, f->mark.last_seq + 1, PARBUS__REASON__REFUSED_STORAGE, why, RETRY_STORAGE_MS);
    }
}

void receipts_totals_changed(struct door *d, uint32_t number)
{
    struct feeder *f = feeders_at(&d->feeders, number);
    if (!f->untold)
        numbers_add(&d->untold, number);
    f->untold = true;
}

static void tell_scored(struct door *d, struct feeder *f, struct moment now)
{
    f->untold = false;
    if (!door_reaches(d, f, now))
        return;
    Parbus__Scored scored = PARBUS__SCORED__INIT;
    scored.has_scored = scored.has_accepted_rows = scored.has_rejected_rows = scored.has_epoch = 1;
    scored.epoch = f->mark.epoch;
    scored.scored = feeder_scored(f);
    scored.accepted_rows = f->sum.accepted_rows;
    scored.rejected_rows = f->sum.rejected_rows;
    door_send(d, f->peer, PARBUS__TO_FEEDER__BODY_SCORED, &scored.base);
}

void receipts_tell_scored(struct door *d, struct moment now)
{
    for (size_t i = 0; i < numbers_count(&d->untold); i++)
        tell_scored(d, &d->feeders.feeder[numbers_at(&d->untold, i)], now);
    buffer_clear(&d->untold.bytes);
}
