#include "services/scorer/core.h"
#include "base/deadline.h"
#include "journal/record.h"
#include "services/scorer/internal.h"
#include "wire/wire.h"
#include <stdlib.h>

struct scorer *scorer_new(const struct worker_config *config, const struct scorer_limits *limits,
                          const struct scorer_io *io, struct moment now)
{
    struct scorer *s = calloc(1, sizeof *s);
    ASSERT(s);
    s->limits = *limits;
    s->io = *io;
    s->catalog = config->catalog;
    s->next_commit_us = now.mono_us;
    worker_init(&s->worker, config, io->send, io->ctx, now.mono_us);
    arena_init(&s->arena, WIRE_ARENA_BYTES);
    return s;
}

void scorer_destroy(struct scorer **core)
{
    struct scorer *s = *core;
    if (!s)
        return;
    partition_drop_all(s);
    struct buffer *const buffers[] = {&s->scratch_points, &s->scratch_cells, &s->messages, &s->pointers, &s->batches,
                                      &s->values,         &s->scores,        &s->tallies,  &s->rejects};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_free(buffers[i]);
    worker_free(&s->worker);
    arena_free(&s->arena);
    free(s->partition);
    free(s->owned);
    free(s);
    *core = NULL;
}

/* I1: the coordinator counts us as dead. What is applied is committed where nobody else has taken over. */
static void forget_all(struct scorer *s, int64_t now_us)
{
    commit_all(s, now_us);
    partition_drop_all(s);
}

static void begin(struct scorer *s, uint32_t partitions)
{
    struct err_text e;
    enum err err = s->io.store.open(s->io.store_ctx, s->worker.journal_id, &e);
    if (err)
        worker_end(&s->worker, err, &e);
    s->partitions = partitions;
    s->partition = calloc(partitions, sizeof(struct partition *));
    s->owned = calloc(partitions, sizeof *s->owned);
    ASSERT(s->partition && s->owned);
}

static void on_welcome(struct scorer *s, const ProtobufCMessage *message, int64_t now_us)
{
    const Parbus__WorkerWelcome *welcome = (const Parbus__WorkerWelcome *)message;
    bool forget = worker_welcome(&s->worker, welcome, now_us);
    if (!s->partition)
        begin(s, welcome->partitions);
    else if (forget)
        forget_all(s, now_us);
}

/* Of what was refused for want of them nobody else will say that it is missing. */
static void on_controls(struct scorer *s, const ProtobufCMessage *message, int64_t now_us)
{
    worker_controls(&s->worker, (const Parbus__Controls *)message, now_us);
    for (size_t i = 0; i < s->owned_count && follow_complete(&s->worker.follow); i++) {
        struct partition *p = s->partition[s->owned[i]];
        if (p->waits)
            answer_gap(s, p);
        p->waits = false;
    }
}

static void on_who_are_you(struct scorer *s, const ProtobufCMessage *message, int64_t now_us)
{
    (void)message;
    forget_all(s, now_us);
    membership_unknown(&s->worker.membership, now_us);
}

static bool take_tally(void *ctx, uint32_t feeder, uint64_t epoch, const struct tally *tally)
{
    struct partition *p = ctx;
    struct tally_row *row = tallies_at(&p->tallies, feeder, epoch);
    if (row)
        row->tally = *tally;
    return true;
}

/* I5, I5a. An error other than a lost race is not answered: Assign comes again. */
static void own(struct scorer *s, const Parbus__Assign *assign)
{
    struct err_text e = {""};
    struct state_cursor cursor;
    enum err err = s->io.store.own(s->io.store_ctx, assign->partition, assign->owner_epoch, &cursor, &e);
    if (err == ERR_LOST) {
        metric_add(&s->metrics, ownership_lost, 1);
        answer_released(s, assign->partition, assign->owner_epoch, 0, true);
        return;
    }
    struct partition *p = err ? NULL : partition_new(assign->partition, assign->owner_epoch, cursor.applied);
    if (!err)
        err = s->io.store.tallies(s->io.store_ctx, assign->partition, take_tally, p, &e);
    if (err) {
        partition_destroy(&p);
        note_writing(s, &e);
        tell(&s->io, TELL_WARN, "scorer.own_failed", "why=\"%s\"", e.text);
        return;
    }
    note_writing(s, NULL);
    partition_hold(s, p);
    answer_owned(s, p);
}

static void on_assign(struct scorer *s, const ProtobufCMessage *message, int64_t now_us)
{
    const Parbus__Assign *assign = (const Parbus__Assign *)message;
    if (assign->partition >= s->partitions) {
        metric_add(&s->metrics, messages_malformed, 1);
        return;
    }
    struct partition *p = partition_held(s, assign->partition);
    if (p && assign->owner_epoch < p->owner_epoch) { /* I4: late */
        metric_add(&s->metrics, records_not_owned, 1);
        return;
    }
    /* An answer names only what is committed, tallies included. */
    if (p && commit_all(s, now_us))
        return;
    p = partition_held(s, assign->partition);
    if (p && p->owner_epoch == assign->owner_epoch) {
        answer_owned(s, p);
        return;
    }
    if (p)
        partition_drop(s, p->number);
    own(s, assign);
}

/* I6. A commit that fails is not answered: Release comes again. */
static void on_release(struct scorer *s, const ProtobufCMessage *message, int64_t now_us)
{
    const Parbus__Release *release = (const Parbus__Release *)message;
    struct partition *p = partition_held(s, release->partition);
    if (p && release->owner_epoch >= p->owner_epoch && commit_all(s, now_us))
        return;
    p = partition_held(s, release->partition);
    if (!p || release->owner_epoch < p->owner_epoch) {
        answer_released(s, release->partition, release->owner_epoch, 0, false);
        return;
    }
    answer_released(s, p->number, release->owner_epoch, p->committed, false);
    partition_drop(s, p->number);
}

static void from_coordinator(struct scorer *s, const struct wire_message *m, int64_t now_us)
{
    static void (*const on[])(struct scorer *, const ProtobufCMessage *, int64_t) = {
        [PARBUS__TO_WORKER__BODY_WELCOME] = on_welcome,   [PARBUS__TO_WORKER__BODY_ASSIGN] = on_assign,
        [PARBUS__TO_WORKER__BODY_RELEASE] = on_release,   [PARBUS__TO_WORKER__BODY_WHO_ARE_YOU] = on_who_are_you,
        [PARBUS__TO_WORKER__BODY_CONTROLS] = on_controls,
    };
    if (m->kind < sizeof on / sizeof *on && on[m->kind])
        on[m->kind](s, m->message, now_us);
    else
        metric_add(&s->metrics, messages_malformed, 1);
}

void scorer_receive(struct scorer *s, enum scorer_source source, struct peer peer, const struct wire_message *m,
                    struct moment now)
{
    (void)peer; /* behind each source there is but one, or it does not matter which */
    if (m->err) {
        metric_add(&s->metrics, messages_malformed, 1);
        tell(&s->io, TELL_WARN, "scorer.message_malformed", "why=\"%s\"", m->why);
    } else if (source == SCORER_VERDICTS) {
        take_verdicts(s, (const Parbus__Verdicts *)m->message, now.mono_us);
    } else {
        from_coordinator(s, m, now.mono_us);
    }
}

static void repeat_progress(struct scorer *s, int64_t now_us)
{
    s->repeats = false;
    for (size_t i = 0; i < s->owned_count; i++) {
        struct partition *p = s->partition[s->owned[i]];
        if (!p->repeat)
            continue;
        if (p->applied == p->committed && now_us >= p->repeat_after_us) {
            p->repeat_after_us = now_us + SAY_AGAIN_US;
            answer_progress(s, p, true);
        }
        s->repeats |= p->repeat;
    }
}

static int64_t deadline_us(const struct scorer *s, int64_t now_us)
{
    int64_t due_us = worker_deadline_us(&s->worker);
    if (s->uncommitted)
        due_us = earlier_us(due_us, s->next_commit_us);
    if (s->repeats)
        due_us = earlier_us(due_us, now_us + SAY_AGAIN_US);
    return due_us;
}

int64_t scorer_tick(struct scorer *s, struct moment now)
{
    int64_t now_us = now.mono_us;
    scorer_flush(s);
    if (s->uncommitted && (now_us >= s->next_commit_us || (commit_pressed(s) && !s->backoff_us)))
        commit_all(s, now_us);
    if (s->repeats)
        repeat_progress(s, now_us);
    if (worker_tick(&s->worker, &s->metrics, s->owned, s->owned_count, now_us))
        tell_committed(s);
    if (worker_leaves(&s->worker) && !s->owned_count)
        worker_left(&s->worker);
    return deadline_us(s, now_us);
}

enum err scorer_commit(struct scorer *s, struct moment now) { return commit_all(s, now.mono_us); }

void scorer_leave(struct scorer *s) { worker_leave(&s->worker); }

enum err scorer_over(const struct scorer *s, struct err_text *e) { return worker_over(&s->worker, e); }

bool scorer_position(const struct scorer *s, uint32_t partition, uint64_t *owner_epoch, uint64_t *applied,
                     uint64_t *committed)
{
    const struct partition *p = partition_held(s, partition);
    if (!p)
        return false;
    *owner_epoch = p->owner_epoch;
    *applied = p->applied;
    *committed = p->committed;
    return true;
}

struct metrics *scorer_metrics(struct scorer *s) { return &s->metrics; }
