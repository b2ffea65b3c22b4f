/* The ingestor's core and its workers when something is out of the ordinary. The journal is empty; whoever is sent a
 * message is forgotten, only Assign and StatsReply are kept. */
#include "services/ingestor/core.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/internal.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PARTITIONS = 4, PARTITIONS_MOST = 4096, SCORER = 2001, VALIDATOR = 3001, OPERATOR = 1001 };

static struct {
    struct ingestor *core;
    struct moment now;
    uint64_t owner_epoch[PARTITIONS_MOST];
    size_t assigns, counters, replies, reply_bytes, reply_partitions, reply_workers;
    uint32_t left_out, applied_per_s, worker_rate;
    int64_t lag_growth;
    bool rate_known;
} t;

static void keep_stats(const Parbus__StatsReply *r)
{
    t.replies++;
    t.counters = r->n_counter;
    t.reply_bytes = parbus__stats_reply__get_packed_size(r);
    t.reply_partitions = r->n_partition, t.reply_workers = r->n_worker, t.left_out = r->counters_left_out;
    t.rate_known = r->has_applied_per_s && r->n_worker && r->worker[0]->has_rate_per_s;
    t.applied_per_s = r->applied_per_s, t.lag_growth = r->lag_growth;
    t.worker_rate = r->n_worker ? r->worker[0]->rate_per_s : 0;
}

static void keep_assign(const Parbus__Assign *ask)
{
    t.assigns++;
    t.owner_epoch[ask->partition] = ask->owner_epoch;
}

static enum err send(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    (void)ctx, (void)peer;
    if (source == INGESTOR_DOOR && kind == PARBUS__TO_FEEDER__BODY_STATS)
        keep_stats((const Parbus__StatsReply *)m);
    if (source == INGESTOR_WORK && kind == PARBUS__TO_WORKER__BODY_ASSIGN)
        keep_assign((const Parbus__Assign *)m);
    return OK;
}

static void hear_nothing(void *ctx, enum tell_level level, const char *id, const char *text)
{
    (void)ctx, (void)level, (void)id, (void)text;
}

static enum err append(void *ctx, const struct journal_group *g, uint64_t ticket)
{
    return (void)ctx, (void)g, (void)ticket, OK;
}

static enum err read_nothing(void *ctx, uint32_t partition, uint64_t from, size_t bytes_max, journal_record_fn *fn,
                             void *fn_ctx, struct err_text *e)
{
    return (void)ctx, (void)partition, (void)from, (void)bytes_max, (void)fn, (void)fn_ctx, (void)e, OK;
}

static void no_rejects(void *ctx, uint32_t feeder, uint64_t epoch, uint64_t seq, uint32_t row,
                       bool (*add)(void *, uint64_t, uint32_t, uint32_t, const char *), void *add_ctx)
{
    (void)ctx, (void)feeder, (void)epoch, (void)seq, (void)row, (void)add, (void)add_ctx;
}

static void start_with(uint32_t partitions)
{
    static const struct ingestor_io io = {NULL,       send, hear_nothing, append, read_nothing, NULL,
                                          no_rejects, NULL, NULL,         NULL,   NULL};
    struct settings settings;
    settings_defaults(&settings);
    t.now = (struct moment){1000000000, 1760000000000};
    t.core = ingestor_new("ingestor-7", &settings, &io, partitions, 77, 1, 0);
}

static void start(void) { start_with(PARTITIONS); }

static void stop(void) { ingestor_destroy(&t.core); }

TestSuite(coordinator, .init = start, .fini = stop);

static void from_worker(uint64_t peer, uint32_t kind, const ProtobufCMessage *m)
{
    struct wire_message opened = {.kind = kind, .message = m};
    ingestor_receive(t.core, INGESTOR_WORK, (struct peer){peer, "owner"}, &opened, t.now);
}

static void tick(int64_t ms)
{
    t.now.mono_us += ms * 1000;
    ingestor_tick(t.core, t.now);
}

static void say_hello_as(Parbus__Role role, uint64_t peer, const char *instance)
{
    Parbus__WorkerHello m = PARBUS__WORKER_HELLO__INIT;
    m.role = role;
    m.instance = (char *)instance;
    m.endpoint = "ipc://somewhere";
    m.incarnation = 1;
    from_worker(peer, PARBUS__TO_COORDINATOR__BODY_HELLO, &m.base);
}

static void say_hello(uint64_t peer, const char *instance) { say_hello_as(PARBUS__ROLE__ROLE_SCORER, peer, instance); }

static void join(uint64_t peer, const char *instance)
{
    say_hello(peer, instance);
    tick(1);
}

static void beat(uint64_t peer, size_t counters)
{
    Parbus__Counter counter = PARBUS__COUNTER__INIT;
    Parbus__Counter *pointer[512];
    Parbus__Heartbeat m = PARBUS__HEARTBEAT__INIT;
    counter.name = "a_counter_whose_name_is_as_long_as_any_can_be_47";
    counter.value = UINT64_MAX;
    for (size_t i = 0; i < counters; i++)
        pointer[i] = &counter;
    m.n_counter = counters;
    m.counter = pointer;
    from_worker(peer, PARBUS__TO_COORDINATOR__BODY_HEARTBEAT, &m.base);
}

static void say_owned(uint32_t partition, uint64_t owner_epoch)
{
    Parbus__Owned m = PARBUS__OWNED__INIT;
    m.partition = partition;
    m.owner_epoch = owner_epoch;
    m.serial = 1;
    from_worker(SCORER, PARBUS__TO_COORDINATOR__BODY_OWNED, &m.base);
}

static void say_progress(uint32_t partition, uint64_t owner_epoch, uint64_t applied)
{
    Parbus__Progress m = PARBUS__PROGRESS__INIT;
    m.partition = partition;
    m.owner_epoch = owner_epoch;
    m.applied = applied;
    m.serial = applied;
    from_worker(SCORER, PARBUS__TO_COORDINATOR__BODY_PROGRESS, &m.base);
}

/* Turns of the loop, as an answer to each Assign would make them. */
static void turns(int64_t ms, void (*answer)(uint32_t partition))
{
    for (int64_t i = 0; i < ms; i += 10) {
        for (uint32_t p = 0; p < PARTITIONS; p++)
            if (t.owner_epoch[p])
                answer(p);
        beat(SCORER, 0);
        tick(10);
    }
}

static void say_lost(uint32_t partition)
{
    Parbus__Released m = PARBUS__RELEASED__INIT;
    m.partition = partition;
    m.owner_epoch = t.owner_epoch[partition];
    m.lost = 1;
    t.owner_epoch[partition] = 0;
    from_worker(SCORER, PARBUS__TO_COORDINATOR__BODY_RELEASED, &m.base);
}

static void say_owned_ahead(uint32_t partition)
{
    Parbus__Owned m = PARBUS__OWNED__INIT;
    m.partition = partition;
    m.owner_epoch = t.owner_epoch[partition];
    m.applied = 5;
    t.owner_epoch[partition] = 0;
    from_worker(SCORER, PARBUS__TO_COORDINATOR__BODY_OWNED, &m.base);
}

/* A journal that was taken back from a copy: state holds greater epochs. */
Test(coordinator, a_state_that_refuses_every_epoch_is_not_asked_all_the_time)
{
    join(SCORER, "scorer-1");
    cr_assert_eq(t.assigns, PARTITIONS);
    turns(1900, say_lost);
    cr_assert_eq(t.assigns, PARTITIONS);
    turns(4000, say_lost);
    cr_assert_geq(t.assigns, 2 * PARTITIONS, "but now and then");
    cr_assert_leq(t.assigns, 4 * PARTITIONS);
}

/* … or has applied what this journal does not have. New records would fall below its cursor and be lost. */
Test(coordinator, a_state_that_is_ahead_of_the_journal_is_not_built_upon)
{
    join(SCORER, "scorer-1");
    turns(1900, say_owned_ahead);
    cr_assert_eq(t.assigns, PARTITIONS);
    cr_assert_eq(ingestor_lag(t.core), 0);
    turns(9000, say_owned_ahead);
    cr_assert_eq(t.assigns, PARTITIONS, "however long the journal gets");
}

Test(coordinator, a_worker_that_said_leave_is_not_counted_as_lost)
{
    join(SCORER, "scorer-1");
    join(SCORER + 1, "scorer-2");
    Parbus__Leave leave = PARBUS__LEAVE__INIT;
    from_worker(SCORER, PARBUS__TO_COORDINATOR__BODY_LEAVE, &leave.base);
    tick(1501);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_workers_lost], 1, "the other one is");
}

static void ask_stats(void)
{
    Parbus__Stats ask = PARBUS__STATS__INIT;
    struct wire_message m = {.kind = PARBUS__TO_INGESTOR__BODY_STATS, .message = &ask.base};
    ingestor_receive(t.core, INGESTOR_DOOR, (struct peer){OPERATOR, "owner"}, &m, t.now);
}

/* 4096 partitions and 256 workers with the longest names and figures. */
Test(coordinator, the_largest_answer_to_an_operator_fits_a_message)
{
    enum { WORKERS = 256, NAMED = 500, LARGEST = 4096 };
    ingestor_destroy(&t.core);
    start_with(LARGEST);
    for (uint64_t w = 0; w < WORKERS; w++) {
        char instance[65];
        snprintf(instance, sizeof instance, "scorer-%057u", (unsigned)w);
        say_hello(SCORER + w, instance);
        beat(SCORER + w, NAMED);
    }
    tick(1);
    ask_stats();
    cr_assert_eq(t.replies, 1);
    cr_assert_leq(t.reply_bytes, WIRE_MESSAGE_BYTES_MAX - 64);
    cr_assert_gt(t.reply_bytes, WIRE_MESSAGE_BYTES_MAX / 2);
    cr_assert_eq(t.reply_partitions, LARGEST);
    cr_assert_eq(t.reply_workers, WORKERS);
    cr_assert_gt(t.left_out, 0);
    cr_assert_gt(t.counters, 4000);
}

/* What one scorer applied per second, seen by the operator. */
Test(coordinator, rates_are_means_over_the_last_seconds)
{
    ask_stats();
    cr_assert_not(t.rate_known, "it has only just begun");
    for (uint32_t p = 0; p < PARTITIONS; p++)
        ingestor_restore_partition(t.core, p, 100000, (struct ingestor_followed){0}, NULL);
    join(SCORER, "scorer-1");
    uint64_t epoch[PARTITIONS];
    memcpy(epoch, t.owner_epoch, sizeof epoch);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        say_owned(p, epoch[p]);
    for (uint64_t n = 1; n <= 600; n++) { /* 4 partitions × 5 entries each 10 ms */
        for (uint32_t p = 0; p < PARTITIONS; p++)
            say_progress(p, epoch[p], 5 * n);
        beat(SCORER, 0);
        tick(10);
    }
    ask_stats();
    cr_assert(t.rate_known);
    cr_assert_eq(t.applied_per_s, 2000);
    cr_assert_eq(t.worker_rate, 2000);
    cr_assert_lt(t.lag_growth, 0);
}

/* ---- at rest ---- */

static void beat_holding_all(void)
{
    static uint32_t owned[PARTITIONS_MOST];
    Parbus__Heartbeat m = PARBUS__HEARTBEAT__INIT;
    for (uint32_t p = 0; p < PARTITIONS_MOST; p++)
        owned[p] = p;
    m.owned = owned;
    m.n_owned = PARTITIONS_MOST;
    from_worker(SCORER, PARBUS__TO_COORDINATOR__BODY_HEARTBEAT, &m.base);
}

/* All partitions are owned, and nothing waits in any. */
static void come_to_rest(void)
{
    ingestor_destroy(&t.core);
    start_with(PARTITIONS_MOST);
    for (uint32_t p = 0; p < PARTITIONS_MOST; p++)
        ingestor_restore_partition(t.core, p, 2, (struct ingestor_followed){0}, NULL);
    join(SCORER, "scorer-1");
    for (uint32_t p = 0; p < PARTITIONS_MOST; p++) {
        say_owned(p, t.owner_epoch[p]);
        say_progress(p, t.owner_epoch[p], 2);
    }
    for (int i = 0; i < 4; i++) {
        beat_holding_all();
        tick(450);
    }
    beat_holding_all();
}

/* Where a look at any of them ends the process, until the core gets the old ones back. */
static struct partition *out_of_sight(struct coordinator *c, struct partition *seen)
{
    size_t bytes = c->partitions * sizeof *seen;
    void *hidden = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(hidden, MAP_FAILED);
    c->partition = hidden;
    return seen;
}

/* The time contains a sample for rates, and no lease ends. */
Test(coordinator, a_tick_looks_at_no_partition_that_has_nothing_to_do)
{
    come_to_rest();
    struct coordinator *c = &t.core->coordinator;
    struct sample before = c->last;
    struct partition *seen = out_of_sight(c, c->partition);
    for (int i = 0; i < 28; i++)
        tick(50);
    munmap(c->partition, c->partitions * sizeof *seen);
    c->partition = seen;
    cr_assert_gt(c->last.at_us, before.at_us);
}

Test(coordinator, at_rest_the_next_tick_is_due_when_a_lease_ends_or_a_sample_is_taken)
{
    come_to_rest();
    int64_t due_us = ingestor_tick(t.core, t.now) - t.now.mono_us;
    cr_assert_gt(due_us, 100000);
    cr_assert_leq(due_us, 1500001);
    t.now.mono_us += 1500001;
    ingestor_tick(t.core, t.now);
    cr_assert_eq(ingestor_metrics(t.core)->value[METRIC_workers_lost], 1, "not a moment later");
}

Test(coordinator, a_tick_looks_at_the_one_partition_that_waits_and_forgets_it_when_all_is_applied)
{
    come_to_rest();
    struct coordinator *c = &t.core->coordinator;
    cr_assert_eq(c->agenda_count, 0);
    flow_lengthen(c, 4000, 1, t.now.mono_us);
    tick(1);
    cr_assert_eq(c->agenda_count, 1);
    cr_assert_eq(c->agenda[0], 4000);
    cr_assert_eq(c->behind, 1);
    say_progress(4000, t.owner_epoch[4000], 3);
    tick(1);
    cr_assert_eq(c->agenda_count, 0);
    cr_assert_eq(c->behind, 0);
}

/* I13a: the Assign may be lost like the Progress. */
Test(coordinator, a_partition_of_which_something_was_missed_is_asked_until_it_answers)
{
    come_to_rest();
    struct coordinator *c = &t.core->coordinator;
    flow_lengthen(c, 7, 2, t.now.mono_us);
    size_t before = t.assigns;
    say_progress(7, t.owner_epoch[7], 4); /* serial 3 never came */
    for (int i = 0; i < 10; i++)
        tick(100);
    cr_expect_eq(t.assigns - before, 5);
    Parbus__Owned all = PARBUS__OWNED__INIT;
    all.partition = 7;
    all.owner_epoch = t.owner_epoch[7];
    all.applied = all.serial = 4;
    from_worker(SCORER, PARBUS__TO_COORDINATOR__BODY_OWNED, &all.base);
    tick(1);
    cr_expect_eq(c->agenda_count, 0);
}

Test(coordinator, a_partition_that_rested_for_long_does_not_stand_still_as_soon_as_something_comes)
{
    come_to_rest();
    struct coordinator *c = &t.core->coordinator;
    say_hello_as(PARBUS__ROLE__ROLE_VALIDATOR, VALIDATOR, "validator-1");
    for (int i = 0; i < 60; i++) {
        beat_holding_all();
        beat(VALIDATOR, 0);
        tick(1000);
    }
    cr_expect_eq(flow_standstill_us(c, 7, t.now.mono_us), 0);
    flow_lengthen(c, 7, 1, t.now.mono_us);
    tick(100);
    cr_expect_eq(flow_standstill_us(c, 7, t.now.mono_us), 0);
}
