/* What always holds of the coordinator, whatever workers say and in whatever order: asserted in release builds too.
 * Whoever sees one of these fail has found a bug of this process, not of a peer. */
#pragma once
#include "services/ingestor/coordinator.h"

/* Of one partition: applied <= sent <= last; what is in flight lies between applied and sent, has bytes exactly when it
 * has records, somebody who works at it, and a place on the agenda; who owns it fits its state. O(1): after each change
 * of these. */
void coordinator_assert_partition(const struct coordinator *c, uint32_t partition);
/* Of all on the agenda, and that each scorer's window is the sum of its partitions'; and what is behind, the sum over
 * all partitions. Whatever is in flight is on the agenda, and when the set of workers changes everything is.
 * O(partitions on the agenda + workers): once per tick. */
void coordinator_assert(const struct coordinator *c);
