#include "services/scorer/internal.h"

/* ---- handing over ---- */

static void cut_all_claims(struct scorer *s)
{
    for (uint32_t i = 0; s->taking && i < s->partitions; i++) {
        struct partition *p = s->partition[i];
        if (!p || p->state != HOLDING_WANTED)
            continue;
        cut_claim(&s->cut, p);
        partition_enter(s, p, HOLDING_CLAIMING);
    }
}

static void cut_all_effects(struct scorer *s)
{
    for (size_t i = 0; s->uncommitted && i < s->owned_count; i++) {
        struct partition *p = s->partition[s->owned[i]];
        if (p->applied == p->committed)
            continue;
        cut_effects(&s->cut, p);
        effects_cut(s, p);
    }
    ASSERT(s->dirty_units == 0 && s->uncommitted_bytes == 0); /* whatever was, was in one of them */
    s->uncommitted = false;
}

static void note_nothing_left(struct scorer *s)
{
    note_writing(s, NULL);
    s->backoff_us = 0;
}

/* What could not be written may be somebody else's by now: then nothing is left to be tried again. */
void commit_forget_trouble(struct scorer *s)
{
    if (*s->trouble.text && !s->under_way && !s->uncommitted && !s->taking)
        note_nothing_left(s);
}

bool commit_hand_over(struct scorer *s, int64_t now_us)
{
    if (s->under_way || (!s->uncommitted && !s->taking))
        return false;
    scorer_flush(s);
    cut_begin(&s->cut);
    cut_all_claims(s);
    cut_all_effects(s);
    cut_end(&s->cut);
    if (!s->cut.work.claims && !s->cut.work.batches) {
        note_nothing_left(s);
        return false;
    }
    s->under_way = true;
    if (s->cut.work.batches)
        s->next_commit_us = now_us + s->limits.commit_interval_us;
    s->io.store.write(s->io.store_ctx, &s->cut.work, ++s->ticket);
    return true;
}

/* ---- when ---- */

/* Half of what may be held: the other half comes in while the disk syncs. */
static bool half_full(const struct scorer *s)
{
    return s->uncommitted_bytes > UNCOMMITTED_BYTES_MAX / 2 || s->dirty_units > s->limits.cached_units_max / 2;
}

bool commit_due(const struct scorer *s, int64_t now_us)
{
    if (s->under_way || (!s->uncommitted && !s->taking))
        return false;
    return now_us >= s->next_commit_us || (!s->backoff_us && (s->taking || s->releasing || half_full(s)));
}

int64_t commit_deadline_us(const struct scorer *s)
{
    return !s->under_way && (s->uncommitted || s->taking) ? s->next_commit_us : INT64_MAX;
}

bool commit_pressed(const struct scorer *s)
{
    return s->uncommitted_bytes + cut_bytes(&s->cut) > UNCOMMITTED_BYTES_MAX ||
           s->dirty_units + s->cut_units > s->limits.cached_units_max;
}

bool scorer_takes(const struct scorer *s) { return !s->under_way || s->backoff_us || !commit_pressed(s); }
