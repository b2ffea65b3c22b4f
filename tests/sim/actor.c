#include "tests/sim/actor.h"
#include "tests/sim/fiber.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct actor *actor_add(struct sim *s, const struct role *role)
{
    ASSERT(s->actor_count < ACTORS_MAX);
    struct actor *n = &s->actor[s->actor_count];
    *n = (struct actor){.role = role, .number = s->actor_count++, .calls_left = -1, .pause_left = -1};
    n->last = &n->first;
    int same = 0;
    for (int i = 0; i < s->actor_count; i++)
        same += s->actor[i].role == role;
    snprintf(n->name, sizeof n->name, "%s-%d", role->name, same);
    memcpy(n->feeder, n->name, sizeof n->feeder);
    return n;
}

int64_t actor_now_us(const struct sim *s, const struct actor *n) { return s->now_us + n->elapsed_us; }

struct moment actor_moment(const struct sim *s, const struct actor *n)
{
    int64_t mono_us = actor_now_us(s, n);
    return (struct moment){mono_us, SIM_WALL_MS + mono_us / SIM_MS + s->wall_skew_ms};
}

struct actor *actor_of(struct sim *s, const struct role *role, const struct actor *after)
{
    for (int i = after ? after->number + 1 : 0; i < s->actor_count; i++)
        if (s->actor[i].role == role)
            return &s->actor[i];
    return NULL;
}

uint64_t actor_peer(const struct actor *n, uint32_t connection)
{
    return (uint64_t)connection << 8 | (uint64_t)(n->number + 1);
}

struct actor *actor_of_peer(struct sim *s, uint64_t peer)
{
    struct actor *n = &s->actor[(peer & 255) - 1];
    return n->alive && n->connection == peer >> 8 ? n : NULL;
}

struct actor *actor_by_name(struct sim *s, const char *name)
{
    for (int i = 0; i < s->actor_count; i++)
        if (!strcmp(s->actor[i].name, name))
            return &s->actor[i];
    return NULL;
}

bool actor_has_twin(const struct sim *s, const struct actor *n)
{
    int same = 0;
    for (int i = 0; i < s->actor_count; i++)
        same += s->actor[i].role == n->role && !strcmp(s->actor[i].feeder, n->feeder);
    return same > 1;
}

void actor_start(struct sim *s, struct actor *n)
{
    n->alive = true;
    n->dying = n->leaving = n->finished = false;
    n->life++;
    rights_connect(s, n);
    n->calls_left = n->pause_left = -1;
    n->elapsed_us = 0;
    n->leaves_rest = false;
    n->wake_us = n->busy_until_us = s->now_us;
    trace_note(s, n->name, "starts, life %lu", n->life, 0, 0, 0);
    n->role->start(s, n);
    if (n->dying)
        actor_kill(s, n, SIM_SECOND);
}

static void inbox_clear(struct sim *s, struct actor *n)
{
    for (struct message *m; (m = actor_take(n));)
        network_release(&s->network, m);
}

/* Runs the turn until it pauses. true: it is over. */
static bool fiber_goes_on(struct sim *s, struct actor *n)
{
    n->paused = false;
    poison_looks(s, n);
    bool ended = fiber_resume(n->fiber);
    poison_looks(s, NULL);
    if (!ended)
        return false;
    fiber_free(&n->fiber);
    arena_free(n->arena);
    free(n->arena);
    n->arena = NULL;
    return true;
}

void actor_kill(struct sim *s, struct actor *n, int64_t back_after_us)
{
    trace_note(s, n->name, n->finished ? "ends" : "dies", 0, 0, 0, 0);
    actor_dies(n);
    while (n->fiber && !fiber_goes_on(s, n)) {
    }
    n->role->stop(s, n);
    inbox_clear(s, n);
    n->gone = n->finished;
    n->alive = n->dying = false;
    n->elapsed_us = 0;
    n->back_us = s->now_us + back_after_us;
}

void actor_dies(struct actor *n)
{
    if (!n->dying)
        n->died_at = n->bookmark;
    n->dying = true;
}

void actor_give_up(struct actor *n) { actor_dies(n); }

/* ---- within a turn ---- */

bool actor_can_wait(const struct actor *n) { return n->fiber && !n->dying; }

static void pause_for(struct sim *s, struct actor *n, int64_t us)
{
    n->wake_us = n->busy_until_us = actor_now_us(s, n) + us;
    n->elapsed_us = 0;
    n->paused = true;
    fiber_pause(n->fiber);
}

void actor_sticks(struct sim *s, struct actor *n)
{
    int64_t lease_us = s->settings.worker_lease_ms * SIM_MS;
    pause_for(s, n, rng_between(&s->rng, lease_us / 2, 3 * lease_us));
    actor_dies(n);
}

void actor_wait(struct sim *s, struct actor *n) { pause_for(s, n, rng_between(&s->rng, SIM_MS, 20 * SIM_MS)); }

static int64_t hang_us(struct sim *s)
{
    int64_t us = rng_between(&s->rng, SIM_MS, 3 * s->settings.worker_lease_ms * SIM_MS);
    census_add(s, hangs_over_lease, us > s->settings.worker_lease_ms * SIM_MS);
    return us;
}

bool actor_hangs(struct sim *s, struct actor *n, const char *where)
{
    if (s->calm || !actor_can_wait(n) || rng_below(&s->rng, 3))
        return false;
    trace_note(s, n->name, where, 0, 0, 0, 0);
    pause_for(s, n, hang_us(s));
    return !n->dying;
}

static void maybe_pause(struct sim *s, struct actor *n)
{
    if (!n->fiber || n->pause_left < 0 || n->pause_left-- > 0)
        return;
    census_add(s, hangs_in_call, 1);
    trace_note(s, n->name, "hangs before a call", 0, 0, 0, 0);
    pause_for(s, n, hang_us(s));
}

bool actor_lives_now(struct sim *s, struct actor *n)
{
    if (n->dying)
        return false;
    if (n->calls_left < 0 || n->calls_left-- > 0)
        return true;
    actor_dies(n);
    census_add(s, deaths_in_call, 1);
    trace_note(s, n->name, "is dying within a call; the call %lu", n->dies_after, 0, 0, 0);
    return n->dies_after;
}

bool actor_lives(struct sim *s, struct actor *n)
{
    if (!n->dying)
        maybe_pause(s, n);
    return actor_lives_now(s, n);
}

/* ---- turns ---- */

void actor_receive(struct sim *s, struct actor *n, struct message *m)
{
    *n->last = m;
    n->last = &m->next;
    m->next = NULL;
    int64_t at = n->busy_until_us > s->now_us ? n->busy_until_us : s->now_us;
    if (at < n->wake_us)
        n->wake_us = at;
}

struct message *actor_take(struct actor *n)
{
    struct message *m = n->first;
    if (!m)
        return NULL;
    n->first = m->next;
    if (!n->first)
        n->last = &n->first;
    return m;
}

struct message *actor_take_other(struct actor *n, enum channel but)
{
    struct message **at = &n->first;
    while (*at && (*at)->channel == but)
        at = &(*at)->next;
    struct message *m = *at;
    if (!m)
        return NULL;
    *at = m->next;
    if (!m->next)
        n->last = at;
    return m;
}

static void maybe_doom(struct sim *s, struct actor *n)
{
    if (s->calm || n->calls_left >= 0 || !rng_chance(&s->rng, s->weather.death_in_turn))
        return;
    n->calls_left = (int)rng_below(&s->rng, 4);
    n->dies_after = rng_below(&s->rng, 2);
}

/* After a turn there is often something that is not committed yet. */
static int64_t pause_us(struct sim *s, const struct actor *n)
{
    if (s->calm || !n->role->on_host || !rng_chance(&s->rng, s->weather.hang_after_turn))
        return rng_between(&s->rng, 5, 60);
    trace_note(s, n->name, "hangs after its turn", 0, 0, 0, 0);
    census_add(s, hangs, 1);
    return hang_us(s);
}

struct turn {
    struct sim *sim;
    struct actor *actor;
};

static void end_turn(struct sim *s, struct actor *n, int64_t due_us)
{
    n->pause_left = -1;
    if (n->dying || n->finished)
        return;
    n->busy_until_us = actor_now_us(s, n) + pause_us(s, n);
    n->elapsed_us = 0;
    bool more = n->first && !n->leaves_rest;
    n->wake_us = more || due_us < n->busy_until_us ? n->busy_until_us : due_us;
}

static void turn_in_fiber(void *ctx)
{
    struct actor *n = ((struct turn *)ctx)->actor;
    struct sim *s = ((struct turn *)ctx)->sim;
    end_turn(s, n, n->role->turn(s, n));
}

/* A turn that may have to stop in its middle has a stack and an arena of its own. */
static bool needs_fiber(struct sim *s, struct actor *n)
{
    if (!s->calm && n->role->on_host && rng_chance(&s->rng, s->weather.hang_in_turn))
        n->pause_left = (int)rng_below(&s->rng, 6);
    return n->pause_left >= 0 || (s->state.holder && n->role == &role_scorer) || poison_may_hang(s, n);
}

static void run_turn(struct sim *s, struct actor *n)
{
    if (!needs_fiber(s, n)) {
        poison_looks(s, n);
        end_turn(s, n, n->role->turn(s, n));
        poison_looks(s, NULL);
        return;
    }
    struct turn turn = {s, n}; /* read at once */
    n->arena = calloc(1, sizeof *n->arena);
    ASSERT(n->arena);
    arena_init(n->arena, WIRE_ARENA_BYTES);
    n->fiber = fiber_new(turn_in_fiber, &turn);
    fiber_goes_on(s, n);
}

void actor_turn(struct sim *s, struct actor *n)
{
    if (n->fiber) {
        fiber_goes_on(s, n);
    } else {
        maybe_doom(s, n);
        run_turn(s, n);
    }
    if (!n->fiber && (n->dying || n->finished))
        actor_kill(s, n, rng_between(&s->rng, SIM_MS, rng_below(&s->rng, 4) ? 100 * SIM_MS : 900 * SIM_MS));
}
