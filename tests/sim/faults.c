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
    if (!n)
        return;
    census_add(s, deaths, 1);
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
    int64_t us = rng_between(&s->rng, SIM_MS, 3 * s->settings.worker_lease_ms * SIM_MS);
    census_add(s, hangs, 1);
    census_add(s, hangs_over_lease, us > s->settings.worker_lease_ms * SIM_MS);
    n->busy_until_us = s->now_us + us;
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
    census_add(s, cuts, 1);
    bool all = rng_below(&s->rng, 3) == 0, both = rng_below(&s->rng, 2);
    int peer = (int)rng_below(&s->rng, (uint32_t)s->actor_count);
    for (int i = 0; i < s->actor_count; i++)
        if (all || i == peer) {
            s->network.cut_until_us[n->number][i] = until_us;
            if (all || both)
                s->network.cut_until_us[i][n->number] = until_us;
        }
    if (rng_below(&s->rng, 2))
        rights_connect(s, n);
    trace_note(s, n->name, "is cut off; from node %lu, from all %lu", (uint64_t)peer, all, 0, 0);
}

void host_stops(struct sim *s, int64_t back_us)
{
    for (int i = 0; i < s->actor_count; i++)
        if (s->actor[i].alive && s->actor[i].role->on_host)
            actor_kill(s, &s->actor[i], back_us + rng_between(&s->rng, 0, 50 * SIM_MS));
    network_forget_host(s);
}

/* The machine of journal and state stops: what was not synced is gone. Feeders and subscribers may be on it, too. */
static void power_cut(struct sim *s)
{
    bool all = rng_below(&s->rng, 2);
    trace_note(s, "host", "loses power; everybody %lu", all, 0, 0, 0);
    census_add(s, power_cuts, 1);
    census_add(s, power_cuts_of_all, all);
    host_stops(s, a_while(s));
    for (int i = 0; all && i < s->actor_count; i++)
        if (s->actor[i].alive)
            actor_kill(s, &s->actor[i], a_while(s));
    poison_power_cut(s);
    sim_state_power_cut(s);
    sim_journal_power_cut(s);
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

/* Sometimes the power goes before anybody knows what has become of the commit. */
static void journal_lies(struct sim *s)
{
    s->journal.lies = 1;
    s->journal.power_fails_next = rng_below(&s->rng, 3) == 0;
}

static void state_lies(struct sim *s) { s->state.lies = 1 + rng_below(&s->rng, 2); }

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
    census_add(s, leaves, 1);
    last->wake_us = last->busy_until_us > s->now_us ? last->busy_until_us : s->now_us;
    trace_note(s, last->name, "is to leave", 0, 0, 0, 0);
}

static void join(struct sim *s)
{
    if (s->actor_count == ACTORS_MAX)
        return;
    census_add(s, joins, 1);
    actor_start(s, actor_add(s, scaled_role(s)));
}

static void clock_jump(struct sim *s)
{
    census_add(s, clock_jumps, 1);
    s->wall_skew_ms += rng_between(&s->rng, -120000, 120000);
    struct actor *n = NULL;
    while ((n = actor_of(s, &role_feeder, n)))
        if (n->alive && rng_below(&s->rng, 3) == 0)
            actor_kill(s, n, a_while(s));
}

static void control(struct sim *s)
{
    if (s->controls_wanted == SIM_CONTROLS)
        return;
    census_add(s, controls, 1);
    s->controls_wanted++;
}

/* A subscriber that the feed does not reach for a while: it reads too slowly, or has gone away and comes back with the
 * table that it had. */
static void lag(struct sim *s)
{
    struct actor *n = actor_of(s, &role_subscriber, NULL), *publisher = actor_of(s, &role_publisher, NULL);
    for (uint32_t i = rng_below(&s->rng, 3); i > 0; i--)
        n = actor_of(s, &role_subscriber, n);
    if (!n->alive)
        return;
    census_add(s, subscriber_lags, 1);
    int64_t until_us = s->now_us + a_while(s);
    s->network.cut_until_us[publisher->number][n->number] = until_us;
    if (rng_below(&s->rng, 2)) {
        s->network.cut_until_us[n->number][publisher->number] = until_us;
        n->connection++;
    }
    trace_note(s, n->name, "is not reached by the feed", 0, 0, 0, 0);
}

static void publisher_restart(struct sim *s)
{
    struct actor *n = actor_of(s, &role_publisher, NULL);
    if (!n->alive)
        return;
    census_add(s, deaths, 1);
    actor_kill(s, n, rng_between(&s->rng, SIM_MS, 300 * SIM_MS));
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
        [FAULT_JOURNAL_LIES] = journal_lies,
        [FAULT_STATE_LIES] = state_lies,
        [FAULT_COPY] = operator_copies,
        [FAULT_RESTORE] = operator_restores,
        [FAULT_LAG] = lag,
        [FAULT_PUBLISHER] = publisher_restart,
        [FAULT_FENCE] = sim_journal_fence,
        [FAULT_OUTBOX] = twins_share,
    };
    if (s->power_fails) {
        s->power_fails = false;
        power_cut(s);
    }
    bool favourite = rng_below(&s->rng, 3) == 0;
    uint32_t which = favourite ? s->weather.favourite : rng_below(&s->rng, FAULT_COUNT);
    if (favourite || s->weather.faults >> which & 1)
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
    s->journal.lies = s->state.lies = 0;
    s->weather.journal.failures = 0;
    s->power_fails = false;
    for (int i = 0; i < s->actor_count; i++) {
        struct actor *n = &s->actor[i];
        n->calls_left = -1;
        if (n->role == &role_feeder && n->wake_us > s->now_us) /* its user asks how it stands */
            n->wake_us = n->busy_until_us > s->now_us ? n->busy_until_us : s->now_us;
    }
    trace_note(s, "simulator", "ends all faults", 0, 0, 0, 0);
}
