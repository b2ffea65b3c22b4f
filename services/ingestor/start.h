/* Before the door opens: the core learns what the journal holds, and the journal what the catalog does. */
#pragma once
#include "services/ingestor/stores.h"

/* ERR_CORRUPT: state is ahead of the journal (I5d), or follows another one. */
enum err start_restore(struct stores *s, struct ingestor *core, struct err_text *e);
/* Publishes what of this directory the journal does not have, and waits until it does. ERR_TIMEOUT: there was
 * a stop signal, and the journal has not answered for 3 s since. */
enum err start_publish(struct stores *s, struct ingestor *core, const char *directory, struct err_text *e);
/* Hands the core what the journal has answered, if it has. */
void start_take_answer(struct stores *s, struct ingestor *core);
