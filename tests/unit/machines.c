#include "machines.h"
#include "services/ingestor/coordinator.h"

const struct state_machine *const machines[] = {
    &partition_machine,
};
const size_t machine_count = sizeof machines / sizeof *machines;
