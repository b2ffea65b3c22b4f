#include "machines.h"
#include "client/feed_table.h"
#include "client/feeder_state.h"
#include "services/ingestor/append.h"
#include "services/ingestor/coordinator.h"
#include "services/parbus/supervisor/supervisor.h"
#include "store/errand.h"
#include "worker/membership.h"

/* Their headers have a struct partition and a struct worker, like the coordinator's; those of the tool's commands are
 * of no use here. */
extern const struct state_machine duty_machine, follow_machine, holding_machine, load_machine, push_machine,
    snapshot_machine, topic_machine;

const struct state_machine *const machines[] = {
    &feeder_machine,   &need_machine,   &ownership_machine,  &worker_machine, &standstill_machine, &follow_machine,
    &snapshot_machine, &topic_machine,  &membership_machine, &duty_machine,   &process_machine,    &append_machine,
    &holding_machine,  &errand_machine, &load_machine,       &push_machine,
};
const size_t machine_count = sizeof machines / sizeof *machines;
