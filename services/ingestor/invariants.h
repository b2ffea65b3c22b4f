/* What always holds of the coordinator, whatever workers say and in whatever order: asserted in release builds too.
 * Whoever sees one of these fail has found a bug of this process, not of a peer. */
#pragma once
#include "services/ingestor/coordinator.h"

/* Of one partition: applied <= sent <= last; what is in flight lies between applied and sent, has bytes exactly when it
 * has records, and somebody who works at it; who owns it fits its state. O(1): after each change of these. */
void coordinator_assert_partition(const struct coordinator *c, uint32_t partition);
/* Of all of them, and that each scorer's window is the sum of its partitions'. O(partitions + workers): once per tick.
 */
void coordinator_assert(const struct coordinator *c);
