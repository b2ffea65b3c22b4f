/* Keys that come over the network: of whoever was invited (A8), and in the place of one that is known (A9). Private to
 * the core. */
#pragma once
#include "services/ingestor/internal.h"

enum { JOINS_PER_MINUTE = 60 }; /* changes of the journal that somebody without any right may cause */

/* Answered when the key is in the journal, or at once when it is the identity's already, or is not taken. */
void joins_take(struct ingestor *i, struct peer peer, const Parbus__Join *ask, struct moment now);
void joins_rotate(struct ingestor *i, struct peer peer, const Parbus__Rotate *ask, struct moment now);
/* The control of this one is in the journal. */
void joins_appended(struct ingestor *i, const struct group_changer *c);
