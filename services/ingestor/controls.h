/* Control records: each has an entry in every partition, and is ordered with the data by its place in the group that is
 * gathered. The catalog has them at once, workers when the journal has them. Private to the core. */
#pragma once
#include "services/ingestor/internal.h"

enum err controls_publish(struct ingestor *i, Parbus__Control *control, struct moment now, struct err_text *e);
/* Puts SetAside into the group where a partition waits for nothing else (I17b). */
void controls_set_aside(struct ingestor *i, struct moment now);
/* Puts the entry into the group once more (I19). Answered when it is in the journal, or at once when it cannot be done.
 */
void controls_retry(struct ingestor *i, uint64_t peer, const Parbus__Retry *retry, struct moment now);
/* The closed group is in the journal: whoever waited for a control of it. */
void controls_appended(struct ingestor *i, const struct group *g);
