/* A feeder's place is given to others (D21): an operator asks for it. Private to the core. */
#pragma once
#include "services/ingestor/door.h"

/* Has it journalled; answers when the journal says so, so the question comes again until then. At once with the reason
 * when it cannot be. */
void removal_take(struct door *d, uint64_t peer, const Parbus__RemoveFeeder *ask, struct moment now);
