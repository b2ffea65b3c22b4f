/* What every worker says to the coordinator (rules I1, I2, I14, I17, I20). */
#include "page.h"
#include "worker/worker.h"
#include <criterion/criterion.h>
#include <string.h>

enum { SECOND_US = 1000000, BEAT_US = 250000 };

struct said {
    int count[16];
    uint64_t rejected_unit_unknown, unfinished_pseq, first_wanted, beat_control_seq;
    uint32_t unfinished_partition;
    bool unfinished;
};

static struct said said;
static struct metrics metrics;
static struct catalog *catalog;
static struct worker_config config;
static Parbus__WorkerWelcome welcome;
static struct worker w;

static enum err hear(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *message)
{
    (void)ctx;
    cr_assert_eq(source, WORKER_COORDINATOR);
    cr_assert_neq(peer, 0);
    said.count[kind]++;
    if (kind == PARBUS__TO_COORDINATOR__BODY_HELLO) {
        const Parbus__Unfinished *at = ((const Parbus__WorkerHello *)message)->unfinished;
        said.unfinished = at != NULL;
        said.unfinished_partition = at ? at->partition : 0;
        said.unfinished_pseq = at ? at->pseq : 0;
    }
    if (kind == PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED)
        said.first_wanted = ((const Parbus__ControlsWanted *)message)->first;
    if (kind != PARBUS__TO_COORDINATOR__BODY_HEARTBEAT)
        return OK;
    const Parbus__Heartbeat *beat = (const Parbus__Heartbeat *)message;
    said.beat_control_seq = beat->control_seq;
    for (size_t i = 0; i < beat->n_counter; i++)
        if (strcmp(beat->counter[i]->name, "rejected_unit_unknown") == 0)
            said.rejected_unit_unknown = beat->counter[i]->value;
    return OK;
}

static void start(void)
{
    catalog = catalog_new();
    config = (struct worker_config){.instance = "validator-1", .heartbeat_us = BEAT_US, .catalog = catalog};
    welcome = (Parbus__WorkerWelcome)PARBUS__WORKER_WELCOME__INIT;
    worker_init(&w, &config, hear, NULL, 0);
}

static void end(void)
{
    worker_free(&w);
    catalog_destroy(&catalog);
}

TestSuite(worker, .init = start, .fini = end);

Test(worker, heartbeats_carry_the_counters_that_are_not_zero)
{
    metrics.reason[PARBUS__REASON__REJECTED_UNIT_UNKNOWN] = 3;
    cr_assert_not(worker_tick(&w, &metrics, NULL, 0, 0));
    worker_welcome(&w, &welcome, 0);
    cr_assert(worker_tick(&w, &metrics, NULL, 0, 0));
    cr_assert_eq(said.count[PARBUS__TO_COORDINATOR__BODY_HELLO], 1);
    cr_assert_eq(said.rejected_unit_unknown, 3);
}

Test(worker, says_leave_again_with_each_heartbeat_and_no_hello_any_more)
{
    worker_welcome(&w, &welcome, 0);
    worker_leave(&w);
    worker_leave(&w);
    cr_assert_eq(said.count[PARBUS__TO_COORDINATOR__BODY_LEAVE], 1);
    worker_tick(&w, &metrics, NULL, 0, BEAT_US);
    cr_assert_eq(said.count[PARBUS__TO_COORDINATOR__BODY_LEAVE], 2);
    membership_unknown(&w.membership, 9 * SECOND_US);
    worker_tick(&w, &metrics, NULL, 0, 9 * SECOND_US);
    cr_assert_eq(said.count[PARBUS__TO_COORDINATOR__BODY_HELLO], 0);
}

Test(worker, notices_that_the_ingestor_serves_another_journal)
{
    welcome.has_journal_id = 1;
    welcome.journal_id = 5;
    worker_welcome(&w, &welcome, 0);
    cr_assert_eq(worker_over(&w, NULL), OK);
    welcome.journal_id = 6;
    worker_welcome(&w, &welcome, 0);
    cr_assert_eq(worker_over(&w, NULL), ERR_INVALID);
}

Test(worker, that_is_over_stays_so_for_the_first_reason_and_says_no_more)
{
    struct err_text e;
    worker_leave(&w);
    worker_left(&w);
    worker_left(&w);
    worker_end(&w, err_set(&e, ERR_IO, "the disk is gone"), &e);
    cr_expect_eq(worker_over(&w, &e), ERR_STOPPED);
    cr_expect_str_eq(e.text, "all is done");
    worker_leave(&w);
    worker_tick(&w, &metrics, NULL, 0, SECOND_US);
    cr_expect_eq(said.count[PARBUS__TO_COORDINATOR__BODY_LEAVE], 1);
    cr_expect_eq(said.count[PARBUS__TO_COORDINATOR__BODY_HELLO], 0);
}

static void begin_again(struct bookmark unfinished)
{
    worker_free(&w);
    config.unfinished = unfinished;
    worker_init(&w, &config, hear, NULL, 0);
}

Test(worker, each_hello_says_what_the_one_before_it_ended_at)
{
    begin_again((struct bookmark){5, 2});
    for (int64_t now_us = 0; now_us <= 2 * SECOND_US; now_us += SECOND_US) {
        said.unfinished = false;
        worker_tick(&w, &metrics, NULL, 0, now_us);
        cr_assert(said.unfinished);
        cr_assert_eq(said.unfinished_pseq, 5);
        cr_assert_eq(said.unfinished_partition, 2);
    }
    begin_again((struct bookmark){0});
    worker_tick(&w, &metrics, NULL, 0, 0);
    cr_assert_not(said.unfinished);
}

/* A control that any catalog takes first. */
static void give_registry(int64_t now_us)
{
    struct page page;
    Parbus__Unit unit = PARBUS__UNIT__INIT, *units = &unit;
    unit.has_id = unit.id = 1, unit.code = "A", unit.name = "Alpha";
    Parbus__Registry registry = PARBUS__REGISTRY__INIT;
    registry.code = "letters", registry.has_version = registry.version = 1, registry.title = registry.source = "test";
    registry.n_unit = 1, registry.unit = &units;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_REGISTRY;
    control.registry = &registry;
    page_of(&page, 1, &control);
    cr_assert(worker_controls(&w, &page.controls, now_us));
    page_free(&page);
}

Test(worker, asks_for_the_controls_that_the_welcome_names_and_says_at_once_when_it_knows_them)
{
    welcome.control_seq = 1;
    worker_welcome(&w, &welcome, 0);
    cr_assert_not(worker_ready(&w));
    worker_tick(&w, &metrics, NULL, 0, 0);
    cr_assert_eq(said.first_wanted, 1);
    cr_assert_eq(worker_deadline_us(&w), FOLLOW_ASK_AGAIN_US, "before the next heartbeat");
    give_registry(10);
    cr_assert(worker_ready(&w));
    cr_assert_eq(worker_deadline_us(&w), 10);
    worker_tick(&w, &metrics, NULL, 0, 10);
    cr_assert_eq(said.beat_control_seq, 1);
    cr_assert_eq(said.count[PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED], 1);
}

Test(worker, asks_for_nothing_before_it_is_welcome)
{
    cr_assert_not(worker_knows(&w, 3));
    worker_tick(&w, &metrics, NULL, 0, 0);
    cr_assert_eq(said.count[PARBUS__TO_COORDINATOR__BODY_CONTROLS_WANTED], 0);
    cr_assert_gt(worker_deadline_us(&w), 0, "it does not spin");
}
