#include "machines.h"
#include "client/feed_table.h"
#include "client/feeder_state.h"
#include "services/ingestor/coordinator.h"
#include "services/parbus/supervisor/supervisor.h"
#include "worker/membership.h"

const struct state_machine *const machines[] = {
    &feeder_machine, &need_machine, &partition_machine, &membership_machine, &process_machine,
};
const size_t machine_count = sizeof machines / sizeof *machines;
