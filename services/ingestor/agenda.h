/* The partitions of which something may be due: those that are on their way to a scorer or from one, that wait for
 * something to be applied, or that have just changed. A tick looks at these alone, so that a journal of 4,096
 * partitions at rest costs nothing. Everything is O(1) but for agenda_tidy, which is O(partitions on it). */
#pragma once
#include "services/ingestor/coordinator.h"

/* Something of it has changed. Whether it stands still is judged from now on. */
void agenda_add(struct coordinator *c, uint32_t partition, int64_t now_us);
/* Takes off those that have nothing to do or to wait for. */
void agenda_tidy(struct coordinator *c);
static inline bool agenda_has(const struct partition *part) { return part->agenda_place != 0; }
