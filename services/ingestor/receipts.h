/* What feeders are told of what they submitted: Receipt (law 1, D8), Scored (D10), and why there is none. */
#pragma once
#include "services/ingestor/door.h"

/* The last receipt again, if anybody is there. */
void receipts_repeat(struct door *d, struct feeder *f, struct moment now);
/* The closed group is in the journal: each of its feeders hears what it may not, and gets a receipt, unless it is in
 * another epoch by now (D8a, D8c). */
void receipts_give(struct door *d, const struct group *g, struct moment now);
/* Nothing is taken from now on: those who wait for a receipt are told why, and when they may go on. They have to send
 * nothing again: what was taken stays (D8b). */
void receipts_delayed(struct door *d, const char *why, struct moment now);

/* The feeder's totals changed; receipts_tell_scored tells all such feeders. */
void receipts_totals_changed(struct door *d, uint32_t number);
void receipts_tell_scored(struct door *d, struct moment now);
