/* A record that the journal cannot give, because it is damaged there. Its partition stands still and is told (rule
 * D13); all others go on. No worker is to blame, and nothing is set aside: what was receipted comes back with the
 * journal, from a copy. Looked at again once a second, for it may have been memory that lied, and not the disk. */
#pragma once
#include "services/ingestor/coordinator.h"

/* Found damaged a moment ago: it is not read again yet. */
bool damage_holds(const struct coordinator *c, uint32_t p, int64_t now_us);
/* What reading the partition's next record came to. */
void damage_note(struct coordinator *c, uint32_t p, enum err err, const struct err_text *e, int64_t now_us);
/* Whether it is the next one still: it may have been on its way when it was damaged, and been applied late. */
void damage_look(struct coordinator *c, uint32_t p);
