#include "services/scorer/internal.h"

static bool take_tally(void *ctx, uint32_t feeder, uint64_t epoch, const struct tally *tally)
{
    struct partition *p = ctx;
    tallies_load(&p->tallies, feeder, epoch, tally);
    return true;
}

/* I5, I5a: the claim is written with the next work; it is answered when state has it. */
static void want(struct scorer *s, uint32_t number, uint64_t owner_epoch)
{
    partition_add(s, partition_new(number, owner_epoch));
}

/* Already ours, under the same epoch: an answer names only what is committed, tallies included. One that goes is not
 * asked for again under the epoch that it has. */
static void assigned_again(struct scorer *s, struct partition *p)
{
    if (p->state == HOLDING_OWNED)
        answer_owned(s, p);
}

void ownership_assign(struct scorer *s, const Parbus__Assign *assign, int64_t now_us)
{
    struct partition *p = partition_at(s, assign->partition);
    if (!p) {
        want(s, assign->partition, assign->owner_epoch);
    } else if (assign->owner_epoch < p->owner_epoch) { /* I4: late */
        metric_add(&s->metrics, records_not_owned, 1);
    } else if (assign->owner_epoch == p->owner_epoch) {
        assigned_again(s, p);
    } else if (!partition_held(s, p->number)) {
        p->owner_epoch = assign->owner_epoch;
    } else {
        commit_hand_over(s, now_us); /* or it is computed again */
        partition_drop(s, assign->partition);
        want(s, assign->partition, assign->owner_epoch);
    }
}

/* The commit that is due says Released (I6). What cannot be committed is tried again as long as it takes. */
static void ask_back(struct scorer *s, struct partition *p, uint64_t epoch, int64_t now_us)
{
    p->release_epoch = epoch;
    if (p->state == HOLDING_OWNED)
        partition_enter(s, p, HOLDING_RELEASING);
    commit_hand_over(s, now_us);
    ownership_released(s, p);
}

void ownership_release(struct scorer *s, const Parbus__Release *release, int64_t now_us)
{
    struct partition *p = partition_at(s, release->partition);
    bool ours = p && release->owner_epoch >= p->owner_epoch;
    if (ours && partition_held(s, p->number)) {
        ask_back(s, p, release->owner_epoch, now_us);
        return;
    }
    if (ours) /* it was not ours yet */
        partition_drop(s, p->number);
    note_damage(s, release->partition, NULL);
    answer_released(s, release->partition, release->owner_epoch, 0, false);
}

void ownership_released(struct scorer *s, struct partition *p)
{
    if (p->state != HOLDING_RELEASING || p->applied != p->committed)
        return;
    answer_released(s, p->number, p->release_epoch, p->committed, false);
    partition_drop(s, p->number);
}

static struct partition *claimant(const struct scorer *s, const struct state_claim *claim)
{
    struct partition *p = partition_at(s, claim->partition);
    return p && p->state == HOLDING_CLAIMING ? p : NULL; /* else it was given up meanwhile, and maybe wanted anew */
}

static void claim_lost(struct scorer *s, const struct state_claim *claim)
{
    metric_add(&s->metrics, ownership_lost, 1);
    answer_released(s, claim->partition, claim->owner_epoch, 0, true);
    partition_drop(s, claim->partition);
}

static void begin(struct scorer *s, struct partition *p, const struct state_cursor *at)
{
    note_damage(s, p->number, NULL);
    p->applied = p->handed_over = p->committed = p->told = at->applied;
    p->mark = p->committed_mark = at->mark;
    partition_enter(s, p, HOLDING_OWNED);
    answer_owned(s, p);
}

/* Not answered: Assign comes again. */
static void unreadable(struct scorer *s, uint32_t number, const struct err_text *e)
{
    tell(&s->io, TELL_WARN, "scorer.own_failed", "why=\"%s\"", e->text);
    partition_drop(s, number);
    note_damage(s, number, e);
}

static void take(struct scorer *s, struct partition *p, const struct state_claim *claim)
{
    struct err_text e = {""};
    enum err err = claim->err ? err_set(&e, claim->err, "%s", claim->why.text)
                              : s->io.store.tallies(s->io.store_ctx, p->number, take_tally, p, &e);
    if (err)
        unreadable(s, p->number, &e);
    else
        begin(s, p, &claim->cursor);
}

void ownership_claimed(struct scorer *s, const struct state_claim *claim)
{
    struct partition *p = claimant(s, claim);
    if (!p)
        return;
    if (claim->owner_epoch != p->owner_epoch)
        partition_enter(s, p, HOLDING_WANTED);
    else if (claim->err == ERR_LOST)
        claim_lost(s, claim);
    else
        take(s, p, claim);
}

void ownership_unclaimed(struct scorer *s, const struct state_claim *claim)
{
    struct partition *p = claimant(s, claim);
    if (p)
        partition_enter(s, p, HOLDING_WANTED);
}

void ownership_forget(struct scorer *s, int64_t now_us)
{
    commit_hand_over(s, now_us);
    partition_drop_all(s);
}
