#include "base/err.h"
#include "death.h"
#include "services/scorer/internal.h"

static struct scorer core;
static struct partition *held;
static struct partition *by_number[2];
static uint32_t owned[2];
static struct definition definition;
static struct series series = {.number = 1, .definition = &definition};

/* Holds partition 1: applied 7, committed 5, told 6; a unit is to be told and committed, a reject to be committed. */
static struct partition *holding(void)
{
    core = (struct scorer){.partition = by_number, .owned = owned, .partitions = 2};
    held = partition_new(1, 11);
    partition_add(&core, held);
    partition_enter(&core, held, HOLDING_CLAIMING);
    partition_enter(&core, held, HOLDING_OWNED);
    held->committed = held->handed_over = 5, held->applied = 7, held->told = 6;
    struct cached_unit *u = unit_new(&series, 3);
    units_add(&held->units, u);
    unit_mark_changed(&core, held, u);
    struct pending_reject reject = {.detail_at = 0};
    buffer_append(&held->dirty.rejects, &reject, sizeof reject);
    buffer_append(&held->dirty.details, "why", 4);
    core.uncommitted_bytes += sizeof reject + 4;
    partition_assert(held); /* so far all is well */
    return held;
}

static void committed_beyond_what_was_handed_over(void) { holding()->committed = 6; }
static void handed_over_beyond_applied(void) { holding()->handed_over = 8; }
static void told_beyond_applied(void) { holding()->told = 8; }
static void dirty_and_handed_over(void) { holding()->handed_over = 7; }
static void touched_and_told(void) { holding()->told = 7; }
static void bytes_uncounted(void)
{
    holding();
    core.uncommitted_bytes--;
}
static void bytes_counted_twice(void)
{
    holding();
    core.uncommitted_bytes++;
}
static void cut_and_committed(void)
{
    effects_cut(&core, holding());
    held->committed = 7;
}
static void unit_uncounted(void)
{
    holding();
    core.dirty_units--;
}
static void held_under_another_number(void)
{
    holding();
    by_number[1] = NULL;
}

static void sound(void) { holding(); }
static void go_on(void)
{
    partition_assert(held);
    partition_drop_all(&core);
}

const struct deaths scorer_deaths = {
    sound,
    go_on,
    {
        {"committed_beyond_what_was_handed_over", committed_beyond_what_was_handed_over},
        {"handed_over_beyond_applied", handed_over_beyond_applied},
        {"told_beyond_applied", told_beyond_applied},
        {"dirty_and_handed_over", dirty_and_handed_over},
        {"touched_and_told", touched_and_told},
        {"bytes_uncounted", bytes_uncounted},
        {"bytes_counted_twice", bytes_counted_twice},
        {"cut_and_committed", cut_and_committed},
        {"unit_uncounted", unit_uncounted},
        {"held_under_another_number", held_under_another_number},
    },
};
