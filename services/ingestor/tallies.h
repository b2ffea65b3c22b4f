/* How many submissions of each feeder are scored: absolute figures per (partition, feeder), summed per feeder (rules
 * I13, D10). */
#pragma once
#include "services/ingestor/coordinator.h"

void tallies_take(struct coordinator *c, uint32_t partition, Parbus__Tally *const *tally, size_t count);
