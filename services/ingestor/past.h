/* Whether what state has applied is of this journal's past (I5b): a journal may have been taken back from a copy, and
 * have grown as long again since with other records. Private to the ingestor. */
#pragma once
#include "base/err.h"
#include "services/ingestor/coordinator.h"

/* ERR_CORRUPT, with what to do: partition p has more applied than the start found in the journal and was sent since, or
 * the entry there is another one than that of the mark (record_mark; 0: not known). What cannot be read is not judged.
 * Reads one record. */
enum err past_check(const struct coordinator *c, uint32_t p, uint64_t applied, uint64_t mark, struct err_text *e);
