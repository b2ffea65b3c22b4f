#include "services/scorer/internal.h"

enum { TALLIES_PER_MESSAGE = 16384 };

static enum err send(struct scorer *s, uint32_t kind, const ProtobufCMessage *message)
{
    return s->io.send(s->io.ctx, SCORER_COORDINATOR, WORKER_PEER, kind, message);
}

static void add_tally(struct scorer *s, const struct tally_row *row)
{
    Parbus__Tally t = PARBUS__TALLY__INIT;
    t.has_feeder = t.has_epoch = t.has_scored = t.has_accepted_rows = t.has_rejected_rows = 1;
    t.feeder = row->feeder;
    t.epoch = row->committed.epoch;
    t.scored = row->committed.tally.scored;
    t.accepted_rows = row->committed.tally.accepted_rows;
    t.rejected_rows = row->committed.tally.rejected_rows;
    buffer_append(&s->messages, &t, sizeof t);
}

/* Collects tallies from row *at on, as many as go into one message; returns their pointers. */
static Parbus__Tally **collect(struct scorer *s, const struct partition *p, bool all, size_t *at, size_t *count)
{
    buffer_clear(&s->messages);
    buffer_clear(&s->pointers);
    for (*count = 0; *at < p->tallies.count && *count < TALLIES_PER_MESSAGE; ++*at)
        if (all ? p->tallies.row[*at].known : p->tallies.row[*at].changed) {
            add_tally(s, &p->tallies.row[*at]);
            ++*count;
        }
    for (size_t i = 0; i < *count; i++) {
        Parbus__Tally *t = buffer_at(&s->messages, i, sizeof *t);
        buffer_append(&s->pointers, &t, sizeof t);
    }
    return (Parbus__Tally **)(void *)s->pointers.data;
}

static void note_unsent(struct scorer *s, struct partition *p, enum err err)
{
    if (err)
        p->repeat = s->repeats = true;
}

static void send_progress(struct scorer *s, struct partition *p, bool all, size_t at)
{
    do {
        Parbus__Progress progress = PARBUS__PROGRESS__INIT;
        progress.has_partition = progress.has_owner_epoch = progress.has_applied = progress.has_serial = 1;
        progress.serial = ++p->serial;
        progress.partition = p->number;
        progress.owner_epoch = p->owner_epoch;
        progress.applied = p->committed;
        progress.tally = collect(s, p, all, &at, &progress.n_tally);
        note_unsent(s, p, send(s, PARBUS__TO_COORDINATOR__BODY_PROGRESS, &progress.base));
    } while (at < p->tallies.count);
}

void answer_progress(struct scorer *s, struct partition *p, bool all)
{
    p->repeat = false;
    send_progress(s, p, all, 0);
    tallies_told(&p->tallies);
}

void answer_owned(struct scorer *s, struct partition *p)
{
    size_t at = 0;
    Parbus__Owned owned = PARBUS__OWNED__INIT;
    owned.has_partition = owned.has_owner_epoch = owned.has_applied = owned.has_serial = owned.has_mark = 1;
    owned.serial = ++p->serial;
    owned.partition = p->number;
    owned.owner_epoch = p->owner_epoch;
    owned.applied = p->committed;
    owned.mark = p->committed_mark;
    owned.tally = collect(s, p, true, &at, &owned.n_tally);
    send(s, PARBUS__TO_COORDINATOR__BODY_OWNED, &owned.base);
    if (at < p->tallies.count) /* more feeders than one message holds: the rest follows (I13a) */
        send_progress(s, p, true, at);
}

void answer_released(struct scorer *s, uint32_t partition, uint64_t owner_epoch, uint64_t applied, bool lost)
{
    Parbus__Released released = PARBUS__RELEASED__INIT;
    released.has_partition = released.has_owner_epoch = released.has_applied = released.has_lost = 1;
    released.partition = partition;
    released.owner_epoch = owner_epoch;
    released.applied = applied;
    released.lost = lost;
    send(s, PARBUS__TO_COORDINATOR__BODY_RELEASED, &released.base);
}

void answer_gap(struct scorer *s, const struct partition *p)
{
    Parbus__Gap gap = PARBUS__GAP__INIT;
    gap.has_partition = gap.has_owner_epoch = gap.has_applied = 1;
    gap.partition = p->number;
    gap.owner_epoch = p->owner_epoch;
    gap.applied = p->applied;
    send(s, PARBUS__TO_COORDINATOR__BODY_GAP, &gap.base);
}

void tell_committed(struct scorer *s)
{
    if (!s->owned_count)
        return;
    Parbus__Committed committed = PARBUS__COMMITTED__INIT;
    buffer_clear(&s->messages);
    for (size_t i = 0; i < s->owned_count; i++)
        buffer_append(&s->messages, &s->partition[s->owned[i]]->committed, sizeof(uint64_t));
    committed.n_partition = committed.n_pseq = s->owned_count;
    committed.partition = s->owned;
    committed.pseq = (uint64_t *)(void *)s->messages.data;
    s->io.send(s->io.ctx, SCORER_PUBLISHER, WORKER_PEER, PARBUS__TO_PUBLISHER__BODY_COMMITTED, &committed.base);
}
