/* Who the feeders are, as the journal knows them: what the files of `parbus feeders` share. */
#pragma once
#include "services/parbus/access/access.h"

extern const struct access_table feeders_list_table;
/* All that the journal has a mark of, in the order of their numbers, whether or not anything runs. */
enum err feeders_list(const char *directory, struct access_table *t, struct err_text *e);

/* Has the ingestor that runs give the feeder's place to others (D21). ERR_INVALID: it cannot be, or its asker may not;
 * ERR_TIMEOUT: nobody answers. Blocks; link_shutdown stays the caller's. */
enum err feeders_remove(const char *directory, const char *name, struct err_text *e);
