/* The scorer's stores behind its core: the journal for controls, state for the rest. Used by the scorer and by replay.
 */
#pragma once
#include "base/settings.h"
#include "journal/journal.h"
#include "services/scorer/core.h"

struct scorer_store {
    struct journal *journal;
    struct state *state; /* writer */
    struct catalog *catalog;
};

/* The journal of journal_directory, read only, and the state of state_directory, made when it is missing.
 * ERR_NOT_FOUND: there is no journal yet. On an error nothing stays open. */
enum err scorer_store_open(struct scorer_store *s, const char *journal_directory, const char *state_directory,
                           const struct settings *settings, struct err_text *e);
void scorer_store_close(struct scorer_store *s);

/* ctx: struct scorer_store. */
extern const struct scorer_store_io scorer_store_functions;
