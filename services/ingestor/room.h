/* Whether submissions are taken: not when there is hardly room for another group, nor while the journal refuses, is
 * silent or is lost (law 6). Private to the core. */
#pragma once
#include "services/ingestor/internal.h"

/* Looks at the room now and then; judges. Returns when to look again, as mono_us. */
int64_t room_look(struct ingestor *i, struct moment now);
/* Sets or clears the door's trouble by what is known; feeders that wait for a receipt are told. */
void room_judge(struct ingestor *i, struct moment now);
