#include "services/ingestor/door.h"
#include "services/ingestor/noted.h"

void door_init(struct door *d, const struct settings *settings, const struct ingestor_io *io, struct metrics *metrics,
               struct catalog *catalog)
{
    *d = (struct door){.settings = settings, .io = io, .metrics = metrics, .catalog = catalog};
    feeders_init(&d->feeders);
}

void door_free(struct door *d)
{
    feeders_free(&d->feeders);
    buffer_free(&d->untold.bytes);
}

void door_send(struct door *d, uint64_t peer, uint32_t kind, const ProtobufCMessage *message)
{
    enum err err = d->io->send(d->io->ctx, INGESTOR_DOOR, peer, kind, message);
    if (err == ERR_NOT_FOUND)
        feeders_forget_peer(&d->feeders, peer);
    else if (err == ERR_BUSY)
        metric_add(d->metrics, sends_full, 1);
}

void door_tell_refused(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail,
                       int64_t retry_after_ms)
{
    Parbus__Refusal refusal = PARBUS__REFUSAL__INIT;
    refusal.has_seq = refusal.has_reason = refusal.has_retry_after_ms = 1;
    refusal.seq = seq;
    refusal.reason = reason;
    refusal.detail = (char *)detail;
    refusal.retry_after_ms = (uint32_t)retry_after_ms;
    uint32_t number;
    const struct feeder *f = feeders_of_peer(&d->feeders, peer, &number);
    refusal.has_epoch = f != NULL;
    refusal.epoch = f ? f->mark.epoch : 0;
    door_send(d, peer, PARBUS__TO_FEEDER__BODY_REFUSAL, &refusal.base);
}

void door_refuse(struct door *d, uint64_t peer, uint64_t seq, Parbus__Reason reason, const char *detail,
                 int64_t retry_after_ms)
{
    d->metrics->reason[reason & 255]++;
    noted_refusal(d, peer, reason, detail);
    door_tell_refused(d, peer, seq, reason, detail, retry_after_ms);
}

bool door_reaches(struct door *d, struct feeder *f, struct moment now)
{
    if (!f->peer)
        return false;
    const struct who who = who_of(catalog_access(d->catalog), f->principal, now.wall_ms);
    if (!who_speaks_for(&who, f->mark.name))
        feeders_forget_peer(&d->feeders, f->peer);
    return f->peer != 0;
}

struct group_feeder *door_enter_group(struct door *d, struct feeder *f, uint32_t number, struct moment now)
{
    struct group *g = d->group;
    if (group_empty(g))
        g->began_us = now.mono_us;
    if (!f->in_group)
        f->in_group = group_add_feeder(g, number);
    d->feeders.entering += !feeder_known(f);
    f->entering |= !f->journalled;
    return group_feeder(g, f->in_group);
}

void door_refuse_right(struct door *d, struct peer peer, const char *missing)
{
    tell(d->io, TELL_DEBUG, "door.not_authorised", "principal=%s why=\"%s\"", peer.principal, missing);
    door_refuse(d, peer.id, 0, PARBUS__REASON__REFUSED_NOT_AUTHORISED, missing, 0);
}

void door_refuse_too_many(struct door *d, uint64_t peer)
{
    d->turned_away++;
    door_refuse(d, peer, 0, PARBUS__REASON__REFUSED_TOO_MANY_FEEDERS, "feeders_max is reached", 0);
}
