/* Workers learn the journal's control records from the ingestor alone (rule I20). Private to its core. */
#pragma once
#include "services/ingestor/coordinator.h"

/* The worker lacks the controls from `first` on, and of that one what comes after `piece_offset`: sends it a message
 * full of them, or one without any that says which is the last. */
void announce_from(struct coordinator *c, uint64_t peer, uint64_t first, uint64_t piece_offset);
