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
    struct buffer *const buffers[] = {&s->scratch_points, &s->scratch_cells, &s->messages, &s->pointers};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_free(buffers[i]);
    cut_free(&s->cut);
    worker_free(&s->worker);
    arena_free(&s->arena);
    free(s->partition);
    free(s->owned);
    free(s);
    *core = NULL;
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
        ownership_forget(s, now_us);
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
    ownership_forget(s, now_us);
    membership_unknown(&s->worker.membership, now_us);
}

static void on_assign(struct scorer *s, const ProtobufCMessage *message, int64_t now_us)
{
    const Parbus__Assign *assign = (const Parbus__Assign *)message;
    if (assign->partition < s->partitions)
        ownership_assign(s, assign, now_us);
    else
        metric_add(&s->metrics, messages_malformed, 1);
}

static void on_release(struct scorer *s, const ProtobufCMessage *message, int64_t now_us)
{
    ownership_release(s, (const Parbus__Release *)message, now_us);
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
    int64_t due_us = earlier_us(worker_deadline_us(&s->worker), commit_deadline_us(s));
    if (s->repeats)
        due_us = earlier_us(due_us, now_us + SAY_AGAIN_US);
    return due_us;
}

int64_t scorer_tick(struct scorer *s, struct moment now)
{
    int64_t now_us = now.mono_us;
    scorer_flush(s);
    if (commit_due(s, now_us))
        commit_hand_over(s, now_us);
    commit_forget_trouble(s);
    if (s->repeats)
        repeat_progress(s, now_us);
    if (worker_tick(&s->worker, &s->metrics, s->owned, s->owned_count, now_us))
        tell_committed(s);
    if (worker_leaves(&s->worker) && !s->owned_count && !s->taking)
        worker_left(&s->worker);
    return deadline_us(s, now_us);
}

bool scorer_commit(struct scorer *s, struct moment now)
{
    commit_hand_over(s, now.mono_us);
    return s->under_way;
}

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
