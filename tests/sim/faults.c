/* What goes wrong, when and to whom; and the end of it. */
#include "tests/sim/sim.h"
#include <string.h>

static int64_t a_while(struct sim *s)
{
    return rng_between(&s->rng, SIM_MS, rng_below(&s->rng, 3) ? 150 * SIM_MS : SIM_SECOND);
}

static struct actor *anybody(struct sim *s)
{
    struct actor *n = &s->actor[rng_below(&s->rng, (uint32_t)s->actor_count)];
    return n->alive ? n : NULL;
}

static void kill_one(struct sim *s)
{
    struct actor *n = anybody(s);
    if (n)
        actor_kill(s, n, a_while(s));
}

/* Longer than its lease, often: it wakes to find that others do its work. */
static void hang(struct sim *s)
{
    struct actor *n = anybody(s);
    if (!n || (n->role != &role_scorer && rng_below(&s->rng, 2)))
        n = actor_of(s, &role_scorer, NULL);
    if (!n->alive)
        return;
    n->busy_until_us = s->now_us + rng_between(&s->rng, SIM_MS, 3 * s->settings.worker_lease_ms * SIM_MS);
    if (n->wake_us < n->busy_until_us)
        n->wake_us = n->busy_until_us;
    trace_note(s, n->name, "hangs", 0, 0, 0, 0);
}

/* One link, in one direction or both, or everything of one process. When it is back, its connection is a new one. */
static void cut(struct sim *s)
{
    struct actor *n = anybody(s);
    if (!n)
        return;
    int64_t until_us = s->now_us + a_while(s);
    bool all = rng_below(&s->rng, 3) == 0, both = rng_below(&s->rng, 2);
    int peer = (int)rng_below(&s->rng, (uint32_t)s->actor_count);
    for (int i = 0; i < s->actor_count; i++)
        if (all || i == peer) {
            s->network.cut_until_us[n->number][i] = until_us;
            if (all || both)
                s->network.cut_until_us[i][n->number] = until_us;
        }
    if (rng_below(&s->rng, 2))
        n->connection++;
    trace_note(s, n->name, "is cut off; from node %lu, from all %lu", (uint64_t)peer, all, 0, 0);
}

/* The machine of journal and state stops: what was not synced is gone. */
static void power_cut(struct sim *s)
{
    trace_note(s, "host", "loses power", 0, 0, 0, 0);
    int64_t back_us = a_while(s);
    for (int i = 0; i < s->actor_count; i++)
        if (s->actor[i].alive && s->actor[i].role->on_host)
            actor_kill(s, &s->actor[i], back_us + rng_between(&s->rng, 0, 50 * SIM_MS));
    sim_state_power_cut(s);
}

static void journal_full(struct sim *s) { s->journal.full_until_us = s->now_us + a_while(s); }
static void state_full(struct sim *s) { s->state.full_until_us = s->now_us + a_while(s); }

static void journal_errors(struct sim *s)
{
    s->journal.append_errors = rng_below(&s->rng, 3);
    s->journal.read_errors = rng_below(&s->rng, 3);
}

static void state_errors(struct sim *s)
{
    s->state.write_errors = rng_below(&s->rng, 3);
    s->state.read_errors = rng_below(&s->rng, 3);
}

static void slow(struct sim *s)
{
    int64_t *until = rng_below(&s->rng, 2) ? &s->journal.slow_until_us : &s->state.slow_until_us;
    *until = s->now_us + a_while(s);
}

static const struct role *scaled_role(struct sim *s) { return rng_below(&s->rng, 2) ? &role_scorer : &role_validator; }

static void leave(struct sim *s)
{
    const struct role *role = scaled_role(s);
    int staying = 0;
    struct actor *last = NULL;
    for (struct actor *n = NULL; (n = actor_of(s, role, n));)
        if (!n->gone && !n->leaving) {
            staying++;
            last = rng_below(&s->rng, 2) || !last ? n : last;
        }
    if (staying < 2 || !last->alive)
        return;
    last->leaving = true;
    last->wake_us = last->busy_until_us > s->now_us ? last->busy_until_us : s->now_us;
    trace_note(s, last->name, "is to leave", 0, 0, 0, 0);
}

static void join(struct sim *s)
{
    if (s->actor_count < ACTORS_MAX)
        actor_start(s, actor_add(s, scaled_role(s)));
}

static void clock_jump(struct sim *s) { s->wall_skew_ms += rng_between(&s->rng, -120000, 120000); }

static void control(struct sim *s)
{
    if (s->controls_wanted < SIM_CONTROLS)
        s->controls_wanted++;
}

void fault_happen(struct sim *s)
{
    static void (*const happen[FAULT_COUNT])(struct sim *) = {
        [FAULT_KILL] = kill_one,
        [FAULT_HANG] = hang,
        [FAULT_CUT] = cut,
        [FAULT_POWER] = power_cut,
        [FAULT_JOURNAL_FULL] = journal_full,
        [FAULT_JOURNAL_IO] = journal_errors,
        [FAULT_STATE_FULL] = state_full,
        [FAULT_STATE_IO] = state_errors,
        [FAULT_SLOW] = slow,
        [FAULT_LEAVE] = leave,
        [FAULT_JOIN] = join,
        [FAULT_CLOCK] = clock_jump,
        [FAULT_CONTROL] = control,
    };
    uint32_t which = rng_below(&s->rng, FAULT_COUNT);
    if (s->weather.faults >> which & 1)
        happen[which](s);
    s->fault_us = s->now_us + rng_between(&s->rng, 0, 2 * s->weather.fault_us);
}

void faults_end(struct sim *s)
{
    s->calm = true;
    s->controls_wanted = SIM_CONTROLS;
    s->weather.queue_max = 20000;
    memset(s->network.cut_until_us, 0, sizeof s->network.cut_until_us);
    s->journal.full_until_us = s->journal.slow_until_us = s->state.full_until_us = s->state.slow_until_us = 0;
    s->journal.append_errors = s->journal.read_errors = s->state.write_errors = s->state.read_errors = 0;
    for (int i = 0; i < s->actor_count; i++)
        s->actor[i].calls_left = -1;
    trace_note(s, "simulator", "ends all faults", 0, 0, 0, 0);
}
