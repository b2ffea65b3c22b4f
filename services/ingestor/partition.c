#include "services/ingestor/coordinator.h"

STATE_MACHINE(partition_machine, "partition", PARTITION_EDGES, "unowned", "assigning", "owned", "releasing");
