#include "tests/sim/operator.h"
#include "tests/sim/sim.h"

/* It has applied an entry otherwise than the journal says now: set aside by a control that was lost. */
static bool set_aside_lost(const struct sim *s, const struct kv *kv)
{
    for (size_t i = 0; i < s->check.aside_lost_count; i++) {
        const struct model_aside *a = &s->check.aside_lost[i];
        if (sim_cursor_in(kv, a->partition).applied >= a->pseq)
            return true;
    }
    return false;
}

static bool content_ahead(const struct sim *s, const struct kv *kv)
{
    for (uint32_t p = 0; p < s->partitions; p++)
        if (sim_cursor_in(kv, p).applied > s->journal.partition[p].last)
            return true;
    return false;
}

static bool epochs_ahead(const struct sim *s)
{
    for (uint32_t p = 0; p < s->partitions; p++)
        if (sim_state_cursor(&s->state, p).owner_epoch >> 32 > s->journal.term)
            return true;
    return false;
}

/* Both at one moment, or one of them now and the other another time. */
void operator_copies(struct sim *s)
{
    struct operator* o = & s->operator;
    uint32_t which = rng_below(&s->rng, 8);
    if (o->ahead)
        return;
    census_add(s, copies, 1);
    if (which != 1) {
        sim_journal_copy(&s->journal);
        o->journal_copied = true;
    }
    if (which != 2) {
        sim_state_copy(s);
        o->state_copied = true;
        o->copy_is_other = false;
    }
    trace_note(s, "operator", "makes a copy, %lu", which, 0, 0, 0);
}

/* A state that has what the journal has not is moved away, and may come back when nobody thinks of it any more. */
static void keep_other(struct sim *s)
{
    struct operator* o = & s->operator;
    if (!content_ahead(s, &s->state.kv))
        return;
    sim_state_copy(s);
    o->state_copied = o->copy_is_other = true;
}

/* What was receipted after the copy is lost, on purpose. The state is that of a copy, none, or left as it is. */
static void restore_journal(struct sim *s)
{
    struct operator* o = & s->operator;
    uint32_t state = rng_below(&s->rng, 3);
    trace_note(s, "operator", "takes the journal back; state: %lu (0 copy, 1 deleted, 2 left)", state, 0, 0, 0);
    census_add(s, restores, 1);
    sim_journal_restore(s);
    o->restored = true;
    poison_bookmarks_deleted(s);
    if (state == 0 && o->state_copied && !o->copy_is_other && !set_aside_lost(s, &s->state.copy)) {
        census_add(s, restores_with_state, 1);
        sim_state_restore(s);
    } else if (state == 1 || set_aside_lost(s, &s->state.kv)) {
        census_add(s, state_deleted, 1);
        keep_other(s);
        sim_state_delete(s);
    }
    o->copy_is_other = o->state_copied && (o->copy_is_other || content_ahead(s, &s->state.copy));
    if (o->state_copied && !o->copy_is_other && set_aside_lost(s, &s->state.copy))
        o->state_copied = false; /* it has done what the journal does not say any more */
}

/* The copy was made before the last starts of the ingestor, and nothing came since: only owner epochs are ahead. */
static void restore_terms(struct sim *s)
{
    uint64_t back = 1 + rng_below(&s->rng, 3);
    trace_note(s, "operator", "takes the journal back by %lu terms", back, 0, 0, 0);
    s->journal.term -= back < s->journal.term ? back : s->journal.term;
}

static void restore_state(struct sim *s)
{
    trace_note(s, "operator", "takes state back", 0, 0, 0, 0);
    census_add(s, restores_of_state, 1);
    census_add(s, restores_of_other, s->operator.copy_is_other);
    sim_state_restore(s);
}

void operator_restores(struct sim *s)
{
    struct operator* o = & s->operator;
    bool of_state = o->state_copied && rng_below(&s->rng, o->copy_is_other ? 2 : 3) == 0;
    if (o->ahead)
        return;
    if (!o->journal_copied) {
        operator_copies(s);
        return;
    }
    host_stops(s, rng_between(&s->rng, SIM_MS, SIM_SECOND));
    if (of_state)
        restore_state(s);
    else if (rng_below(&s->rng, 4) == 0)
        restore_terms(s);
    else
        restore_journal(s);
    o->ahead = content_ahead(s, &s->state.kv) || (of_state && o->copy_is_other);
    o->act_us = s->now_us + rng_between(&s->rng, SIM_SECOND, 4 * SIM_SECOND);
}

/* The journal may be as long by now as this state believes. */
static void put_other_back(struct sim *s)
{
    host_stops(s, rng_between(&s->rng, SIM_MS, SIM_SECOND));
    restore_state(s);
    s->operator.ahead = true;
    s->operator.act_us = s->now_us + rng_between(&s->rng, SIM_SECOND, 4 * SIM_SECOND);
}

void operator_acts(struct sim *s)
{
    struct operator* o = & s->operator;
    o->act_us = 0;
    if (!o->ahead && o->state_copied && o->copy_is_other) {
        put_other_back(s);
        return;
    }
    if ((!o->ahead && !epochs_ahead(s)) || s->options.mutation == MUTATION_AHEAD_ACCEPTED)
        return;
    trace_note(s, "operator", "deletes state", 0, 0, 0, 0);
    census_add(s, state_deleted, 1);
    host_stops(s, rng_between(&s->rng, SIM_MS, SIM_SECOND));
    if (!o->copy_is_other)
        keep_other(s);
    else
        o->state_copied = o->copy_is_other = false;
    o->act_us = o->copy_is_other ? s->now_us + rng_between(&s->rng, SIM_SECOND, 4 * SIM_SECOND) : 0;
    sim_state_delete(s);
    o->ahead = false;
}
