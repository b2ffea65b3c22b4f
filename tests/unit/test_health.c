#include "services/parbus/health.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char said[1024];

static void take(void *ctx, const char *sentence)
{
    (void)ctx;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", sentence);
}

struct progress {
    uint64_t lag;
    int64_t growth;
    uint64_t applied_per_s;
    uint32_t window_ms;
};

/* All is well but for the progress. Returns how many things are wrong. */
static size_t check(struct progress p)
{
    Parbus__WorkerStats validator = PARBUS__WORKER_STATS__INIT, *workers[] = {&validator};
    Parbus__StatsReply reply = PARBUS__STATS_REPLY__INIT;
    validator.service = "validator";
    validator.state = "live";
    validator.trouble = "";
    reply.accepting = 1;
    reply.n_worker = 1;
    reply.worker = workers;
    reply.lag = p.lag;
    reply.has_window_ms = p.window_ms > 0;
    reply.window_ms = p.window_ms;
    reply.lag_growth = p.growth;
    reply.applied_per_s = p.applied_per_s;
    *said = 0;
    return health_check(&reply, take, NULL);
}

Test(health, a_ranking_that_stands_still_is_wrong)
{
    cr_assert_eq(check((struct progress){.lag = 7, .growth = 2, .window_ms = 3100}), 1);
    cr_assert(strstr(said, "stands still: 7 submissions wait, and none was applied in the last 3.1 s"), "%s", said);
    cr_assert_eq(check((struct progress){.lag = 7, .growth = 0, .window_ms = 2000}), 1);
}

Test(health, what_moves_or_has_just_come_is_well)
{
    cr_assert_eq(check((struct progress){.lag = 0, .growth = 0, .window_ms = 3000}), 0, "nothing waits: %s", said);
    cr_assert_eq(check((struct progress){.lag = 7, .growth = 7, .window_ms = 3000}), 0, "all of it is new: %s", said);
    cr_assert_eq(check((struct progress){.lag = 7, .growth = -2, .window_ms = 3000}), 0, "it gets less: %s", said);
    cr_assert_eq(check((struct progress){.lag = 7, .growth = 2, .applied_per_s = 1, .window_ms = 3000}), 0, "%s", said);
    cr_assert_eq(check((struct progress){.lag = 7, .growth = 2, .window_ms = 1900}), 0, "too early to say: %s", said);
    cr_assert_eq(check((struct progress){.lag = 7, .growth = 2}), 0, "not known: %s", said);
}
