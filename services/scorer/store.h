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

/* Takes the journal over; the state of state_directory is made when it is missing. On an error nothing stays open. */
enum err scorer_store_open(struct scorer_store *s, struct journal *journal, const char *state_directory,
                           const struct settings *settings, struct err_text *e);
void scorer_store_close(struct scorer_store *s);

/* ctx: struct scorer_store. */
extern const struct scorer_store_io scorer_store_functions;
