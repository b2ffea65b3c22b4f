/* Workers learn the journal's control records from the ingestor alone (rule I20). Private to its core. */
#pragma once
#include "services/ingestor/coordinator.h"

/* Those from `first` on have just been journalled: all workers get them at once. What is too long for a message, or
 * gets lost, they ask for. */
void announce_new(struct coordinator *c, uint64_t first);
/* The worker lacks the controls from `first` on, and of that one what comes after `piece_offset`: sends it a message
 * full of them, or one without any that says which is the last. */
void announce_from(struct coordinator *c, uint64_t peer, uint64_t first, uint64_t piece_offset);
/* The worker says that it knows the controls up to here: when there are more, it is told so, and will ask. */
void announce_last(struct coordinator *c, uint64_t peer, uint64_t control_seq);
