/* Which partition is whose: the states of OWNERSHIP_EDGES (coordinator.h), entered here and nowhere else, and what is
 * asked of scorers so that they go on (rules I3 to I6). */
#pragma once
#include "services/ingestor/coordinator.h"

void ownership_enter(struct coordinator *c, uint32_t partition, enum ownership state, int64_t now_us);
/* Whoever has it: what is under way under the present owner epoch has no effect any more. */
void ownership_take_away(struct coordinator *c, uint32_t partition, int64_t now_us);
/* A worker is alive no more: neither it nor what it was sent counts. O(partitions). */
void ownership_worker_gone(struct coordinator *c, int w, int64_t now_us);
/* The set of workers has changed: of each partition it is asked anew whose it should be. O(partitions). */
void ownership_rebalance(struct coordinator *c, int64_t now_us);
/* What is due of a partition on the agenda: a release that takes too long, a rest that is over, another scorer, a
 * resend, a question to be asked again. */
void ownership_look(struct coordinator *c, uint32_t partition, int64_t now_us);
