#include "machines.h"
#include "client/feed_table.h"
#include "client/feeder_state.h"
#include "services/ingestor/coordinator.h"
#include "services/parbus/supervisor/supervisor.h"
#include "services/publisher/snapshot.h"
#include "worker/membership.h"

extern const struct state_machine follow_machine; /* its header has a struct partition, like the coordinator's */

const struct state_machine *const machines[] = {
    &feeder_machine,   &need_machine,  &partition_machine,  &standstill_machine, &follow_machine,
    &snapshot_machine, &topic_machine, &membership_machine, &process_machine,
};
const size_t machine_count = sizeof machines / sizeof *machines;
