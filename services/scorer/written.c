#include "base/deadline.h"
#include "services/scorer/internal.h"

enum { BACKOFF_LEAST_US = 100000, BACKOFF_MOST_US = 5000000 };

static void note_failure(struct scorer *s, const char *id, const struct err_text *e, int64_t now_us)
{
    int64_t longer = s->backoff_us ? 2 * s->backoff_us : BACKOFF_LEAST_US;
    s->backoff_us = earlier_us(longer, BACKOFF_MOST_US);
    s->next_commit_us = now_us + s->backoff_us;
    note_writing(s, e);
    tell(&s->io, TELL_WARN, id, "why=\"%s\"", e->text);
}

/* The partition that this batch is of, as long as it is ours under the same epoch. */
static struct partition *held_of(const struct scorer *s, const struct state_batch *b)
{
    struct partition *p = partition_held(s, b->partition);
    return p && p->owner_epoch == b->owner_epoch ? p : NULL;
}

static void note_committed(struct scorer *s, struct partition *p, const struct state_batch *b)
{
    effects_committed(s, p);
    p->committed_mark = b->mark;
    answer_progress(s, p, p->repeat);
    if (p->refused)
        answer_gap(s, p);
    p->refused = false;
    ownership_released(s, p);
}

static void note_batches(struct scorer *s)
{
    const struct state_work *w = &s->cut.work;
    for (size_t i = 0; i < w->batches; i++) {
        struct partition *p = held_of(s, &w->batch[i]);
        if (p && w->batch[i].lost)
            partition_lost(s, p);
        else if (p)
            note_committed(s, p, &w->batch[i]);
    }
    ASSERT(s->cut_units == 0);
    if (!w->batches)
        return;
    metric_add(&s->metrics, state_commits, 1);
    tell_committed(s);
    units_shrink(s);
}

static void written(struct scorer *s)
{
    s->backoff_us = 0;
    note_writing(s, NULL);
    note_batches(s);
    for (size_t i = 0; i < s->cut.work.claims; i++)
        ownership_claimed(s, &s->cut.work.claim[i]);
}

static void failed(struct scorer *s, enum err err, const char *why, int64_t now_us)
{
    const struct state_work *w = &s->cut.work;
    struct err_text e = {""};
    err_set(&e, err, "%s", why);
    for (size_t i = 0; i < w->claims; i++)
        ownership_unclaimed(s, &w->claim[i]);
    for (size_t i = 0; i < w->batches; i++) {
        struct partition *p = held_of(s, &w->batch[i]);
        if (p)
            effects_kept(s, p);
    }
    if (w->batches)
        metric_add(&s->metrics, state_commit_failures, 1);
    note_failure(s, w->batches ? "scorer.commit_failed" : "scorer.own_failed", &e, now_us);
}

void scorer_written(struct scorer *s, uint64_t ticket, enum err result, const char *why, struct moment now)
{
    ASSERT(s->under_way && ticket == s->ticket);
    s->under_way = false;
    if (result)
        failed(s, result, why, now.mono_us);
    else
        written(s);
    cut_begin(&s->cut);
}
