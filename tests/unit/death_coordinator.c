#include "base/err.h"
#include "death.h"
#include "services/ingestor/agenda.h"
#include "services/ingestor/coordinator.h"
#include "services/ingestor/flow.h"
#include "services/ingestor/invariants.h"

static struct coordinator coordinator;

/* Partition 0 is OWNED by scorer 0, validator 1; two records of 100 bytes are in flight: up to 4 and up to 6 of 9. */
static struct partition *flying(void)
{
    static const struct ingestor_io io;
    static struct settings settings;
    static struct metrics metrics;
    static struct door door;
    settings_defaults(&settings);
    if (coordinator.partition) {
        coordinator.partition[0].flight = NULL; /* it is ours */
        coordinator_free(&coordinator);
    }
    coordinator_init(&coordinator, &settings, &io, &metrics, &door, 2, 77, 1);
    coordinator.worker_count = 2;
    coordinator.worker[0] =
        (struct worker){.state = WORKER_LIVE, .role = PARBUS__ROLE__ROLE_SCORER, .flight_bytes = 200};
    coordinator.worker[1] = (struct worker){.state = WORKER_LIVE, .role = PARBUS__ROLE__ROLE_VALIDATOR};
    struct partition *part = &coordinator.partition[0];
    static struct flight flight[FLIGHTS_MAX] = {{4, 100}, {6, 100}};
    part->state = OWNERSHIP_OWNED;
    part->scorer = 0, part->validator = part->validator_next = 1;
    part->owner_epoch = 1ull << 32 | 1;
    part->applied = 2, part->sent = 6, part->last = 9;
    part->flight = flight, part->flight_count = 2, part->flight_bytes = 200;
    coordinator.behind = 7 + 1;
    coordinator.partition[1].last = 1;
    agenda_add(&coordinator, 0, 0);
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
    coordinator.worker[0].state = WORKER_DEAD;
}
static void in_flight_at_the_dead(void)
{
    flying();
    coordinator.worker[1].state = WORKER_DEAD;
}
static void flying_without_an_owner(void)
{
    struct partition *part = flying();
    part->state = OWNERSHIP_UNOWNED;
    part->scorer = WORKER_NONE;
    coordinator.worker[0].flight_bytes = 0;
}
static void in_flight_and_on_no_agenda(void)
{
    struct partition *part = flying();
    part->agenda_place = 0;
    coordinator.agenda_count = 0;
}
static void another_place_on_the_agenda(void) { flying()->agenda_place = 2; }
static void behind_by_more_than_all(void)
{
    flying();
    coordinator.behind = 6;
}
static void epoch_of_another_term(void) { flying()->owner_epoch = 2ull << 32; }

static void sound(void) { flying(); }
static void go_on(void) { coordinator_assert(&coordinator); }

const struct deaths coordinator_deaths = {
    sound,
    go_on,
    {
        {"applied_beyond_sent", applied_beyond_sent},
        {"sent_beyond_last", sent_beyond_last},
        {"flight_already_applied", flight_already_applied},
        {"flight_beyond_sent", flight_beyond_sent},
        {"bytes_without_records", bytes_without_records},
        {"records_without_bytes", records_without_bytes},
        {"window_of_a_scorer_drifts", window_of_a_scorer_drifts},
        {"owned_by_nobody", owned_by_nobody},
        {"owned_by_the_dead", owned_by_the_dead},
        {"in_flight_at_the_dead", in_flight_at_the_dead},
        {"flying_without_an_owner", flying_without_an_owner},
        {"in_flight_and_on_no_agenda", in_flight_and_on_no_agenda},
        {"another_place_on_the_agenda", another_place_on_the_agenda},
        {"behind_by_more_than_all", behind_by_more_than_all},
        {"epoch_of_another_term", epoch_of_another_term},
    },
};

/* ---- what is counted, when something is applied ---- */

static void scorer_window_would_be_negative(void)
{
    flying();
    coordinator.worker[0].flight_bytes = 150;
}
static void partition_window_would_be_negative(void) { flying()->flight_bytes = 150; }
static void behind_would_be_negative(void)
{
    flying();
    coordinator.behind = 3;
}

static void all_is_applied(void)
{
    flow_applied(&coordinator, 0, 9, 0);
    ASSERT(coordinator.behind == 1 && coordinator.worker[0].flight_bytes == 0);
}

const struct deaths flow_deaths = {
    sound,
    all_is_applied,
    {
        {"scorer_window_would_be_negative", scorer_window_would_be_negative},
        {"partition_window_would_be_negative", partition_window_would_be_negative},
        {"behind_would_be_negative", behind_would_be_negative},
    },
};
