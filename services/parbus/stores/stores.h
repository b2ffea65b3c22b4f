/* Journal and state of a directory as the commands read them, whether or not anything runs there: with the limits and
 * permissions that its parbus.conf gives. */
#pragma once
#include "journal/journal.h"
#include "state/state.h"

/* ERR_NOT_FOUND, said so that an operator knows what to look at; ERR_CORRUPT, as journal_expected: it had one. */
enum err stores_no_journal(const char *directory, struct err_text *e);
/* ERR_NOT_FOUND: as stores_no_journal; else as settings_of, journal_open. */
enum err stores_journal(struct journal **j, const char *directory, struct err_text *e);
/* The same, for who takes it as "nothing has been scored yet". journal_id as in state_options. */
enum err stores_state(struct state **s, const char *directory, uint64_t journal_id, struct err_text *e);
