#include "services/parbus/status/health.h"
#include "services/parbus/status/status.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char said[4096];

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

/* ---- partitions ---- */

enum { PARTITIONS = 12 };

static Parbus__PartitionStats partition[PARTITIONS];

/* All are owned and move. */
static void make_partitions(Parbus__StatsReply *reply)
{
    static Parbus__PartitionStats *pointers[PARTITIONS];
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        partition[p] = (Parbus__PartitionStats)PARBUS__PARTITION_STATS__INIT;
        partition[p].partition = p;
        partition[p].state = "owned";
        partition[p].scorer = "scorer-1";
        partition[p].validator = "validator-2";
        partition[p].last_pseq = 20;
        partition[p].applied_pseq = 17;
        pointers[p] = &partition[p];
    }
    reply->partition = pointers;
    reply->n_partition = PARTITIONS;
}

static void stop(uint32_t p, uint64_t ms)
{
    partition[p].has_standstill_ms = 1;
    partition[p].standstill_ms = ms;
}

static Parbus__WorkerStats validator = PARBUS__WORKER_STATS__INIT, *workers[] = {&validator};

static Parbus__StatsReply well(void)
{
    Parbus__StatsReply reply = PARBUS__STATS_REPLY__INIT;
    validator.service = "validator";
    validator.instance = "validator-2";
    validator.state = "live";
    validator.trouble = "";
    reply.accepting = 1;
    reply.n_worker = 1;
    reply.worker = workers;
    make_partitions(&reply);
    *said = 0;
    return reply;
}

Test(health, a_partition_that_stands_still_is_named)
{
    Parbus__StatsReply reply = well();
    cr_assert_eq(health_check(&reply, take, NULL), 0, "%s", said);
    stop(7, 12345);
    cr_assert_eq(health_check(&reply, take, NULL), 1);
    cr_assert_str_eq(said, "partition 7 has stood still for 12.3 s: entry 18 is the next of 3; validator-2 checks it, "
                           "scorer-1 owns it\n");
}

Test(health, of_several_the_one_that_has_stood_longest_is_described)
{
    Parbus__StatsReply reply = well();
    stop(3, 11000), stop(4, 13000), stop(5, 12000), stop(9, 12000);
    cr_assert_eq(health_check(&reply, take, NULL), 1);
    cr_assert_str_eq(said, "4 partitions have stood still: 3-5,9; the longest is partition 4, for 13.0 s: entry 18 is "
                           "the next of 3; validator-2 checks it, scorer-1 owns it\n");
}

Test(health, a_ranking_that_stands_still_as_a_whole_is_said_once)
{
    Parbus__StatsReply reply = well();
    reply.lag = 1;
    reply.has_window_ms = 1;
    reply.window_ms = 3000;
    cr_assert_eq(health_check(&reply, take, NULL), 1);
    cr_assert(strstr(said, "stands still: 1 submission waits, and none was applied"), "%s", said);
    stop(7, 12345);
    *said = 0;
    cr_assert_eq(health_check(&reply, take, NULL), 1);
    cr_assert(strstr(said, "partition 7"), "%s", said);
}

Test(health, partitions_without_a_scorer_are_counted)
{
    Parbus__StatsReply reply = well();
    partition[4].state = "unowned";
    cr_assert_eq(health_check(&reply, take, NULL), 1);
    cr_assert_str_eq(said, "1 of 12 partitions has no scorer, and its ranking stands still: 4\n");
    *said = 0;
    partition[5].state = partition[7].state = "assigning";
    partition[7].paused_ms = 2500;
    cr_assert_eq(health_check(&reply, take, NULL), 1);
    cr_assert_str_eq(said,
                     "3 of 12 partitions have no scorer (one for 2.5 s), and their ranking stands still: 4-5,7\n");
}

/* ---- what status says besides ---- */

static void put_down(const json_t *sentences)
{
    size_t i;
    json_t *sentence;
    *said = 0;
    json_array_foreach(sentences, i, sentence) take(NULL, json_string_value(sentence));
}

static void look(const Parbus__StatsReply *reply, const Parbus__Processes *processes)
{
    struct status s = {.directory = "/srv", .processes = processes, .reply = reply, .why = "it does not answer"};
    status_work_out(&s, 0);
    put_down(s.wrong);
    char *wrong = strdup(said);
    put_down(s.warnings);
    snprintf(said + strlen(said), sizeof said - strlen(said), "|%s", wrong);
    free(wrong);
    status_free(&s);
}

static Parbus__Processes *supervised(Parbus__ProcessStatus *one)
{
    static Parbus__ProcessStatus *pointer;
    static Parbus__Processes processes = PARBUS__PROCESSES__INIT;
    *one = (Parbus__ProcessStatus)PARBUS__PROCESS_STATUS__INIT;
    one->service = "validator";
    one->instance = "validator-2";
    one->state = "running";
    pointer = one;
    processes.n_process = 1;
    processes.process = &pointer;
    return &processes;
}

Test(health, who_ends_again_and_again_stands_at_the_top)
{
    Parbus__StatsReply reply = well();
    Parbus__ProcessStatus process;
    Parbus__Processes *processes = supervised(&process);
    validator.ended = 2;
    look(&reply, NULL);
    cr_assert_null(strstr(said, "ended"), "once or twice is nothing: %s", said);
    validator.ended = 7;
    look(&reply, NULL);
    cr_assert(strstr(said, "|validator-2 ended 7 times in the last minute: see its log\n") == said, "%s", said);
    process.ended = 3;
    look(&reply, processes);
    cr_assert(strstr(said, "|validator-2 ended 7 times in the last minute: see log/validator-2.log\n") == said, "%s",
              said);
    validator.ended = 0;
    look(&reply, processes);
    cr_assert(strstr(said, "|validator-2 ended 3 times") == said, "it did not live to say hello: %s", said);
    look(NULL, processes);
    cr_assert(strstr(said, "validator-2 ended 3 times"), "the ingestor is away: %s", said);
    Parbus__StatsReply again = well();
    cr_assert_eq(health_check(&again, take, NULL), 0, "others do its work: %s", said);
}

Test(health, what_is_set_aside_is_a_warning)
{
    Parbus__StatsReply reply = well();
    Parbus__SetAsideStats aside = PARBUS__SET_ASIDE_STATS__INIT;
    look(&reply, NULL);
    cr_assert_eq(*said, '|', "%s", said);
    reply.set_aside = &aside;
    aside.count = 1;
    aside.partition = 31;
    aside.pseq = 17;
    aside.feeder = "inspector";
    look(&reply, NULL);
    cr_assert(strstr(said, "1 submission is set aside as POISON, for workers ended while at it: of feeder inspector, "
                           "entry 17 of partition 31. Listed by: parbus rejects; once the fault is mended, sent again "
                           "by: parbus rejects retry\n|") == said,
              "%s", said);
    aside.count = 3;
    aside.feeder = "";
    look(&reply, NULL);
    cr_assert(strstr(said, "3 submissions are set aside as POISON, for workers ended while at them; the newest of "
                           "feeder (unknown), entry 17") == said,
              "%s", said);
    *said = 0;
    cr_assert_eq(health_check(&reply, take, NULL), 0, "the pipeline goes on: %s", said);
}
