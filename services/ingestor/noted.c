#include "services/ingestor/noted.h"
#include "wire/reason.h"
#include <inttypes.h>
#include <stdio.h>

static void note(const struct door *d, enum audit_kind kind, const char *reason, const char *name, const char *detail)
{
    const struct audit_event event = {.kind = kind, .reason = reason, .name = name, .detail = detail};
    if (d->io->audit)
        d->io->audit(d->io->ctx, &event);
}

/* Of the feeder that the connection is, or else of the identity: never what somebody merely says. */
void noted_refusal(const struct door *d, uint64_t peer, Parbus__Reason reason, const char *detail)
{
    uint32_t number;
    const struct feeder *f = feeders_of_peer(&d->feeders, peer, &number);
    note(d, AUDIT_REFUSED, reason_of(reason)->name, f ? f->mark.name : d->who.name, detail);
}

static const char *how(const struct feeder *f, const Parbus__Hello *hello)
{
    if (f->free)
        return "said_bye";
    return hello->take_over ? "take_over" : "lease_over";
}

static void note_line(const struct door *d, const struct feeder *f, const Parbus__Hello *hello)
{
    char detail[96];
    snprintf(detail, sizeof detail, "from %016" PRIx64 " to %016" PRIx64 ", epoch %" PRIu64, f->mark.line, hello->line,
             hello->epoch);
    note(d, AUDIT_LINE, how(f, hello), f->mark.name, detail);
}

static void note_epoch(const struct door *d, const struct feeder *f, const Parbus__Hello *hello)
{
    char detail[96];
    snprintf(detail, sizeof detail, "from %" PRIu64 " to %" PRIu64 ", after submission %" PRIu64, f->mark.epoch,
             hello->epoch, f->mark.last_seq);
    note(d, AUDIT_EPOCH, NULL, f->mark.name, detail);
}

void noted_hello(const struct door *d, uint64_t peer, const struct feeder *f, const Parbus__Hello *hello, bool newcomer)
{
    if (newcomer)
        note(d, AUDIT_NAME, NULL, hello->feeder, hello->without_outbox ? "without an outbox" : NULL);
    else if (f->mark.line != hello->line)
        note_line(d, f, hello);
    else if (f->mark.epoch != hello->epoch)
        note_epoch(d, f, hello);
    else if (f->peer && f->peer != peer)
        note(d, AUDIT_CONNECTION, NULL, f->mark.name, NULL);
}

void noted_change(const struct door *d, const char *by, uint64_t control_seq)
{
    char detail[40];
    snprintf(detail, sizeof detail, "control %" PRIu64, control_seq);
    note(d, AUDIT_CHANGE, NULL, by, detail);
}
