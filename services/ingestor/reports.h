/* What scorers say of their partitions. Only the present owner is heeded, under its owner epoch (rule I4); whatever
 * comes too late, twice or from somebody else is counted and has no effect. */
#pragma once
#include "services/ingestor/coordinator.h"

void reports_owned(struct coordinator *c, int w, const Parbus__Owned *m, int64_t now_us);
void reports_released(struct coordinator *c, int w, const Parbus__Released *m, int64_t now_us);
void reports_progress(struct coordinator *c, int w, const Parbus__Progress *m, int64_t now_us);
void reports_gap(struct coordinator *c, int w, const Parbus__Gap *m, int64_t now_us);
/* Its heartbeat names what it holds. A scorer forgets its partitions when it is told WhoAreYou; those it does not name
 * any more are given to it again (I2). */
void reports_held(struct coordinator *c, int w, const Parbus__Heartbeat *beat, int64_t now_us);
