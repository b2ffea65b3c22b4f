#include "tests/sim/sim.h"

/* A number up to `most` per million; often none, so that faults also come alone. */
static uint32_t pick(struct sim *s, uint32_t most) { return rng_below(&s->rng, 2) ? 0 : rng_below(&s->rng, most); }

static int64_t one_of(struct sim *s, int64_t a, int64_t b, int64_t c)
{
    int64_t values[] = {a, b, c};
    return values[rng_below(&s->rng, 3)];
}

static void draw_settings(struct sim *s)
{
    struct settings *t = &s->settings;
    settings_defaults(t);
    t->partitions = s->partitions;
    t->group_bytes_max = one_of(s, 600, 4096, 4096);
    t->group_wait_us = one_of(s, 0, 1000, 5000);
    t->submission_bytes_max = one_of(s, 1024, 1 << 20, 1 << 20);
    t->feeder_window = one_of(s, 1, 4, 64);
    t->feeder_window_bytes = rng_below(&s->rng, 4) ? 1 << 20 : one_of(s, 100, 400, 1500);
    t->feeder_lease_ms = one_of(s, 100, 400, 2000);
    t->partition_window_bytes = one_of(s, 500, 4096, 1 << 20);
    t->scorer_window_bytes = one_of(s, 800, 8192, 1 << 20);
    t->heartbeat_interval_ms = 100;
    t->worker_lease_ms = one_of(s, 350, 500, 800);
    t->resend_after_ms = one_of(s, 60, 150, 400);
    t->release_timeout_ms = one_of(s, 100, 300, 600);
    t->commit_interval_ms = one_of(s, 0, 10, 50);
    t->scorer_cached_units_max = one_of(s, 1, 4, 1000);
    t->feed_merge_ms = one_of(s, 0, 5, 20);
    t->feed_ring_deltas = one_of(s, 1, 8, 1024);
    t->feed_ring_bytes_max = one_of(s, 300, 4096, 1 << 20);
    t->feed_heartbeat_ms = one_of(s, 100, 300, 1000);
    t->record_tries_max = one_of(s, 1, 2, 3);
}

/* A disk of the same host, or a log on other machines. */
static void draw_journal(struct sim *s)
{
    struct weather *w = &s->weather;
    bool remote = rng_below(&s->rng, 2);
    w->journal.least_us = remote ? 200 : 20;
    w->journal.most_us = remote ? one_of(s, 2 * SIM_MS, 20 * SIM_MS, 100 * SIM_MS) : 150;
    w->journal.burst_us = remote ? one_of(s, 0, 10 * SIM_MS, 50 * SIM_MS) : 0;
    w->journal.failures = remote ? pick(s, 100000) : 0;
}

void weather_draw(struct sim *s)
{
    struct weather *w = &s->weather;
    s->partitions = 1 + rng_below(&s->rng, SIM_PARTITIONS_MAX);
    draw_settings(s);
    w->drop = pick(s, 200000);
    w->feed_drop = pick(s, 500000);
    w->repeat = pick(s, 200000);
    w->reorder = pick(s, 300000);
    w->late = pick(s, 200000);
    w->late_us = one_of(s, SIM_MS, 20 * SIM_MS, 600 * SIM_MS);
    w->queue_max = (size_t)one_of(s, 24, 200, 20000);
    w->death_in_turn = pick(s, 6000);
    w->hang_after_turn = pick(s, 20000);
    w->hang_in_turn = pick(s, 60000);
    w->fault_us = rng_between(&s->rng, 10 * SIM_MS, 500 * SIM_MS);
    w->faults = (uint32_t)rng_next(&s->rng);
    w->favourite = rng_below(&s->rng, FAULT_COUNT);
    poison_draw(s);
    flips_draw(s);
    w->clocks_wrong = rng_below(&s->rng, 3) == 0;
    draw_journal(s);
}
