#include "tests/sim/sim.h"
#include "base/deadline.h"
#include "tests/sim/outbox.h"
#include "tests/sim/roles.h"
#include "wire/wire.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALM_US = 120000000, LOOK_US = 20000, STEPS_MAX = 400000 };

void sim_fail(struct sim *s, const char *format, ...)
{
    if (s->failed)
        return;
    s->failed = true;
    va_list args;
    va_start(args, format);
    vsnprintf(s->failure, sizeof s->failure, format, args);
    va_end(args);
}

/* Two processes of one name: two outboxes, or two processes without; twins.c makes them share what an outbox holds. */
static void add_twins(struct sim *s)
{
    for (uint32_t twins = rng_below(&s->rng, 3) ? 0 : 1 + rng_below(&s->rng, 2); twins > 0; twins--) {
        struct actor *of = actor_of(s, &role_feeder, NULL);
        memcpy(actor_add(s, &role_feeder)->feeder, of->name, sizeof of->name);
    }
}

static void add_actors(struct sim *s)
{
    static const struct {
        const struct role *role;
        uint32_t least, most;
    } cast[] = {{&role_ingestor, 1, 1}, {&role_validator, 1, 3},  {&role_scorer, 1, 3}, {&role_publisher, 1, 1},
                {&role_feeder, 1, 3},   {&role_subscriber, 3, 3}, {&role_tool, 1, 1}};
    for (size_t i = 0; i < sizeof cast / sizeof *cast; i++)
        for (uint32_t n = cast[i].least + rng_below(&s->rng, cast[i].most - cast[i].least + 1); n > 0; n--)
            actor_add(s, cast[i].role);
    add_twins(s);
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *s = calloc(1, sizeof *s);
    ASSERT(s);
    s->options = *options;
    s->rng.state = options->seed * 0x9e3779b97f4a7c15ull;
    arena_init(&s->arena, WIRE_ARENA_BYTES);
    weather_draw(s);
    s->journal.id = rng_next(&s->rng);
    s->controls_wanted = rng_below(&s->rng, 4) ? 5 : rng_below(&s->rng, 6);
    s->chaos_until_us = rng_between(&s->rng, 200 * SIM_MS, 4 * SIM_SECOND);
    s->fault_us = rng_between(&s->rng, 0, s->weather.fault_us);
    add_actors(s);
    rights_draw(s);
    for (int i = 0; i < s->actor_count; i++)
        actor_start(s, &s->actor[i]);
    return s;
}

void sim_destroy(struct sim **sim, struct census *census)
{
    struct sim *s = *sim;
    if (!s)
        return;
    for (int i = 0; i < s->actor_count; i++) {
        if (s->actor[i].alive)
            actor_kill(s, &s->actor[i], 0);
        feeder_forget(&s->actor[i]);
        sim_outbox_destroy(&s->actor[i].outbox_copy);
    }
    census_sum(census, &s->census);
    network_free(&s->network);
    sim_journal_free(&s->journal);
    kv_free(&s->state.kv);
    kv_free(&s->state.copy);
    model_free(&s->model);
    check_free(&s->check);
    free(s->poison.report);
    rights_free(&s->rights);
    arena_free(&s->arena);
    buffer_free(&s->out);
    buffer_free(&s->flips.read);
    free(s);
    *sim = NULL;
}

/* ---- the loop: whatever comes first ---- */

/* When a process acts or starts next; a hung one, or one that is gone, never. */
static int64_t actor_due_us(const struct actor *n)
{
    if (n->alive)
        return n->wake_us;
    return n->gone ? INT64_MAX : n->back_us;
}

static struct actor *next_actor(struct sim *s)
{
    struct actor *next = &s->actor[0];
    for (int i = 1; i < s->actor_count; i++)
        if (actor_due_us(&s->actor[i]) < actor_due_us(next))
            next = &s->actor[i];
    return next;
}

static void advance(struct sim *s, int64_t to_us)
{
    if (to_us > s->now_us)
        s->now_us = to_us;
    s->step++;
}

static bool chaos_over(const struct sim *s)
{
    return s->now_us >= s->chaos_until_us || (s->options.steps_max && s->step >= s->options.steps_max);
}

static void end_chaos(struct sim *s)
{
    faults_end(s);
    s->look_us = s->now_us;
    s->deadline_us = s->now_us + CALM_US;
}

/* true: the run is over. */
static bool look(struct sim *s)
{
    bool held_up = flips_last(s);
    const char *what = held_up ? check_held_up(s) : check_outstanding(s);
    s->look_us = s->now_us + LOOK_US;
    if (!what && held_up) {
        flips_mend(s);
        s->deadline_us = s->now_us + CALM_US;
        return false;
    }
    if (!what) {
        check_end(s);
        return true;
    }
    if (s->now_us < s->deadline_us)
        return false;
    sim_fail(s, "waits for ever: %s", what);
    return true;
}

static void one_event(struct sim *s)
{
    struct actor *n = next_actor(s);
    int64_t actor_us = actor_due_us(n), message_us = network_next_us(&s->network);
    if (s->operator.act_us && s->operator.act_us <= earlier_us(actor_us, message_us)) {
        advance(s, s->operator.act_us);
        operator_acts(s);
    } else if (!s->calm && s->fault_us <= earlier_us(actor_us, message_us)) {
        advance(s, s->fault_us);
        fault_happen(s);
    } else if (!s->calm && s->flips.next_us <= earlier_us(actor_us, message_us)) {
        advance(s, s->flips.next_us);
        flips_happen(s);
    } else if (message_us <= actor_us) {
        advance(s, message_us);
        network_deliver(s);
    } else {
        advance(s, actor_us);
        if (n->alive)
            actor_turn(s, n);
        else
            actor_start(s, n);
    }
}

bool sim_run(struct sim *s)
{
    while (!s->failed) {
        one_event(s);
        if (!s->calm && chaos_over(s))
            end_chaos(s);
        if (s->calm && s->now_us >= s->look_us && !s->failed && look(s))
            break;
        if (s->step > STEPS_MAX)
            sim_fail(s, "does not come to rest in %d steps: something acts without end", STEPS_MAX);
    }
    return !s->failed;
}

void sim_report(const struct sim *s)
{
    fprintf(stderr, "the last events:\n");
    trace_print(&s->trace);
    fprintf(stderr, "FAILED seed %" PRIu64 ", step %" PRIu64 ", %.3f ms: %s\n", s->options.seed, s->step,
            (double)s->now_us / SIM_MS, s->failure);
}
