/* Changes of who may do what (A4): asked for at the door, journalled as controls. Private to the core. */
#pragma once
#include "services/ingestor/internal.h"

/* Journals the change when its asker may make it. Answered when it is in the journal, or at once when it is not done.
 */
void changes_take(struct ingestor *i, struct peer peer, const Parbus__ChangeAccess *ask, struct moment now);
/* The closed group is in the journal: whoever waited for a change of it. */
void changes_appended(struct ingestor *i, const struct group *g);
