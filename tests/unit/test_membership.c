#include "worker/membership.h"
#include "worker/worker.h"
#include <criterion/criterion.h>
#include <string.h>

enum { SECOND_US = 1000000, BEAT_US = 250000 };

static struct membership fresh(void)
{
    struct membership m;
    membership_init(&m, 0, BEAT_US);
    return m;
}

Test(membership, says_hello_at_once_and_again_each_second_until_it_is_welcome)
{
    struct membership m = fresh();
    cr_assert_eq(membership_tick(&m, 0), MEMBERSHIP_HELLO);
    cr_assert_eq(membership_tick(&m, SECOND_US - 1), MEMBERSHIP_NOTHING);
    cr_assert_eq(membership_deadline_us(&m), SECOND_US);
    cr_assert_eq(membership_tick(&m, SECOND_US), MEMBERSHIP_HELLO);
    membership_welcome(&m, 7, SECOND_US);
    cr_assert_eq(membership_tick(&m, SECOND_US), MEMBERSHIP_HEARTBEAT);
    cr_assert_eq(membership_tick(&m, 9 * SECOND_US), MEMBERSHIP_HEARTBEAT);
}

Test(membership, beats_once_per_interval_and_not_before_it_is_welcome)
{
    struct membership m = fresh();
    cr_assert_eq(membership_tick(&m, 0), MEMBERSHIP_HELLO);
    cr_assert_eq(membership_tick(&m, BEAT_US), MEMBERSHIP_NOTHING);
    membership_welcome(&m, 7, BEAT_US);
    cr_assert_eq(membership_tick(&m, BEAT_US), MEMBERSHIP_HEARTBEAT);
    cr_assert_eq(membership_tick(&m, 2 * BEAT_US - 1), MEMBERSHIP_NOTHING);
    cr_assert_eq(membership_tick(&m, 2 * BEAT_US), MEMBERSHIP_HEARTBEAT);
}

Test(membership, notices_another_term)
{
    struct membership m = fresh();
    cr_assert(membership_welcome(&m, 7, 0));
    cr_assert_not(membership_welcome(&m, 7, 1));
    cr_assert(membership_welcome(&m, 8, 2));
}

Test(membership, an_unknown_worker_says_hello_at_once_but_not_more_than_ten_times_a_second)
{
    struct membership m = fresh();
    cr_assert_eq(membership_tick(&m, 0), MEMBERSHIP_HELLO);
    membership_welcome(&m, 7, 10);
    membership_unknown(&m, 20);
    cr_assert_eq(membership_tick(&m, 20), MEMBERSHIP_NOTHING);
    cr_assert_eq(membership_deadline_us(&m), SECOND_US / 10);
    cr_assert_eq(membership_tick(&m, SECOND_US / 10), MEMBERSHIP_HELLO);
    membership_unknown(&m, SECOND_US / 10 + 1);
    cr_assert_eq(membership_tick(&m, SECOND_US / 10 + 2), MEMBERSHIP_NOTHING);
    membership_welcome(&m, 7, SECOND_US);
    membership_unknown(&m, 9 * SECOND_US);
    cr_assert_eq(membership_tick(&m, 9 * SECOND_US), MEMBERSHIP_HELLO);
}

struct said {
    int count[16];
    uint64_t rejected_unit_unknown, unfinished_pseq;
    uint32_t unfinished_partition;
    bool unfinished;
};

static enum err hear(void *ctx, uint32_t kind, const ProtobufCMessage *message)
{
    struct said *said = ctx;
    said->count[kind]++;
    if (kind == PARBUS__TO_COORDINATOR__BODY_HELLO) {
        const Parbus__Unfinished *at = ((const Parbus__WorkerHello *)message)->unfinished;
        said->unfinished = at != NULL;
        said->unfinished_partition = at ? at->partition : 0;
        said->unfinished_pseq = at ? at->pseq : 0;
    }
    if (kind != PARBUS__TO_COORDINATOR__BODY_HEARTBEAT)
        return OK;
    const Parbus__Heartbeat *beat = (const Parbus__Heartbeat *)message;
    for (size_t i = 0; i < beat->n_counter; i++)
        if (strcmp(beat->counter[i]->name, "rejected_unit_unknown") == 0)
            said->rejected_unit_unknown = beat->counter[i]->value;
    return OK;
}

Test(worker, heartbeats_carry_the_counters_that_are_not_zero)
{
    struct said said = {0};
    struct metrics metrics = {.reason[PARBUS__REASON__REJECTED_UNIT_UNKNOWN] = 3};
    struct worker_config config = {.instance = "validator-1", .heartbeat_us = BEAT_US, .journal_id = 5};
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    struct worker w;
    worker_init(&w, &config, hear, &said, 0);
    cr_assert_not(worker_tick(&w, &metrics, NULL, 0, 0));
    worker_welcome(&w, &welcome, 0);
    cr_assert(worker_tick(&w, &metrics, NULL, 0, 0));
    cr_assert_eq(said.count[PARBUS__TO_COORDINATOR__BODY_HELLO], 1);
    cr_assert_eq(said.rejected_unit_unknown, 3);
}

Test(worker, says_leave_again_with_each_heartbeat_and_no_hello_any_more)
{
    struct said said = {0};
    struct metrics metrics = {0};
    struct worker_config config = {.instance = "validator-1", .heartbeat_us = BEAT_US};
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    struct worker w;
    worker_init(&w, &config, hear, &said, 0);
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
    struct said said = {0};
    struct worker_config config = {.instance = "validator-1", .heartbeat_us = BEAT_US, .journal_id = 5};
    Parbus__WorkerWelcome welcome = PARBUS__WORKER_WELCOME__INIT;
    struct worker w;
    worker_init(&w, &config, hear, &said, 0);
    welcome.has_journal_id = 1;
    welcome.journal_id = 5;
    worker_welcome(&w, &welcome, 0);
    cr_assert_not(w.other_journal);
    welcome.journal_id = 6;
    worker_welcome(&w, &welcome, 0);
    cr_assert(w.other_journal);
}

Test(worker, each_hello_says_what_the_one_before_it_ended_at)
{
    struct said said = {0};
    struct metrics metrics = {0};
    struct worker_config config = {.instance = "scorer-1", .heartbeat_us = BEAT_US, .unfinished = {5, 2}};
    struct worker w;
    worker_init(&w, &config, hear, &said, 0);
    for (int64_t now_us = 0; now_us <= 2 * SECOND_US; now_us += SECOND_US) {
        said.unfinished = false;
        worker_tick(&w, &metrics, NULL, 0, now_us);
        cr_assert(said.unfinished);
        cr_assert_eq(said.unfinished_pseq, 5);
        cr_assert_eq(said.unfinished_partition, 2);
    }
    config.unfinished.pseq = 0;
    worker_init(&w, &config, hear, &said, 0);
    worker_tick(&w, &metrics, NULL, 0, 0);
    cr_assert_not(said.unfinished);
}
