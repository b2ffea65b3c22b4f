/* What must end a process, one per run, for test_states.c:
 *     death step MACHINE FROM TO    a state machine takes a step (numbers)
 *     death CASE                    a core whose state was spoilt goes on
 *     death                         lists the cases, one a line
 * Whatever does not end it by SIGABRT exits with 0. */
#include "base/err.h"
#include "machines.h"
#include "services/ingestor/coordinator.h"
#include "services/ingestor/invariants.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- the coordinator ---- */

static struct coordinator coordinator;

/* Partition 0 is OWNED by scorer 0, validator 1; two records of 100 bytes are in flight: up to 4 and up to 6 of 9. */
static struct partition *flying(void)
{
    static const struct ingestor_io io;
    static struct settings settings;
    static struct metrics metrics;
    static struct door door;
    settings_defaults(&settings);
    coordinator_init(&coordinator, &settings, &io, &metrics, &door, 2, 77, 1);
    coordinator.worker_count = 2;
    coordinator.worker[0] = (struct worker){.alive = true, .role = PARBUS__ROLE__ROLE_SCORER, .flight_bytes = 200};
    coordinator.worker[1] = (struct worker){.alive = true, .role = PARBUS__ROLE__ROLE_VALIDATOR};
    struct partition *part = &coordinator.partition[0];
    static struct flight flight[FLIGHTS_MAX] = {{4, 100}, {6, 100}};
    part->state = PARTITION_OWNED;
    part->scorer = 0, part->validator = part->validator_next = 1;
    part->owner_epoch = 1ull << 32 | 1;
    part->applied = 2, part->sent = 6, part->last = 9;
    part->flight = flight, part->flight_count = 2, part->flight_bytes = 200;
    coordinator_assert(&coordinator); /* so far all is well */
    return part;
}

static void applied_beyond_sent(void) { flying()->applied = 7; }
static void sent_beyond_last(void) { flying()->last = 5; }
static void flight_already_applied(void) { flying()->applied = 4; }
static void flight_beyond_sent(void) { flying()->sent = 5; }
static void bytes_without_records(void) { flying()->flight_count = 0; }
static void records_without_bytes(void)
{
    flying()->flight_bytes = 0;
    coordinator.worker[0].flight_bytes = 0;
}
static void window_of_a_scorer_drifts(void)
{
    flying();
    coordinator.worker[0].flight_bytes++;
}
static void owned_by_nobody(void) { flying()->scorer = WORKER_NONE; }
static void owned_by_the_dead(void)
{
    flying();
    coordinator.worker[0].alive = false;
}
static void in_flight_at_the_dead(void)
{
    flying();
    coordinator.worker[1].alive = false;
}
static void flying_without_an_owner(void)
{
    struct partition *part = flying();
    part->state = PARTITION_UNOWNED;
    part->scorer = WORKER_NONE;
    coordinator.worker[0].flight_bytes = 0;
}
static void epoch_of_another_term(void) { flying()->owner_epoch = 2ull << 32; }

static void go_on_coordinating(void) { coordinator_assert(&coordinator); }

/* ---- the cases ---- */

static const struct death {
    const char *name;
    void (*spoil)(void), (*go_on)(void);
} deaths[] = {
    {"applied_beyond_sent", applied_beyond_sent, go_on_coordinating},
    {"sent_beyond_last", sent_beyond_last, go_on_coordinating},
    {"flight_already_applied", flight_already_applied, go_on_coordinating},
    {"flight_beyond_sent", flight_beyond_sent, go_on_coordinating},
    {"bytes_without_records", bytes_without_records, go_on_coordinating},
    {"records_without_bytes", records_without_bytes, go_on_coordinating},
    {"window_of_a_scorer_drifts", window_of_a_scorer_drifts, go_on_coordinating},
    {"owned_by_nobody", owned_by_nobody, go_on_coordinating},
    {"owned_by_the_dead", owned_by_the_dead, go_on_coordinating},
    {"in_flight_at_the_dead", in_flight_at_the_dead, go_on_coordinating},
    {"flying_without_an_owner", flying_without_an_owner, go_on_coordinating},
    {"epoch_of_another_term", epoch_of_another_term, go_on_coordinating},
};
enum { DEATH_COUNT = sizeof deaths / sizeof *deaths };

static int list(void)
{
    for (size_t i = 0; i < DEATH_COUNT; i++)
        puts(deaths[i].name);
    return 0;
}

static int step(char **argv)
{
    const struct state_machine *m = machines[atoi(argv[0])];
    unsigned state = (unsigned)atoi(argv[1]);
    STATE_ENTER(m, state, (unsigned)atoi(argv[2]));
    return 0;
}

int main(int argc, char **argv)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (argc == 1)
        return list();
    if (argc == 5)
        return step(argv + 2);
    for (size_t i = 0; i < DEATH_COUNT; i++)
        if (strcmp(deaths[i].name, argv[1]) == 0) {
            deaths[i].spoil();
            fputs("spoilt\n", stderr);
            deaths[i].go_on();
            return 0;
        }
    return 2;
}
