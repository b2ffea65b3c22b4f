/* The thread that writes the journal, so that whoever hands it groups goes on while the disk syncs. One group at a
 * time: it is handed over, and later comes back with what became of it. journal_append, which it calls, keeps law 1.
 * When no group comes for a moment it makes the chain of commits (journal_chain), at the latest when 1024 of them lack
 * it; then it does one of them behind each group.
 *
 *     committer_append → (committer_fd is readable) → committer_take → committer_append …
 *
 * All functions are for one thread, the one that also reads the journal; only committer_stop waits for the disk.
 * Signals go to the other threads. */
#pragma once
#include "journal/journal.h"

struct committer;

/* Of a journal that was opened to be written, which must stay open until committer_stop. ERR_NOMEM, ERR_IO: no thread
 * or descriptor is to be had. */
enum err committer_start(struct committer **c, struct journal *j, struct err_text *e);
/* Waits for the group under way; what became of it is lost. What the chain lacks is done, for half a second. */
void committer_stop(struct committer **c);

/* A descriptor that is readable while a group waits to be taken back. */
int committer_fd(const struct committer *c);
/* The group and all that it points to must stay as they are until it is taken back. ERR_BUSY: one is under way. */
enum err committer_append(struct committer *c, const struct journal_group *group, uint64_t ticket);
/* false: none is done. *err and *why are journal_append's. */
bool committer_take(struct committer *c, uint64_t *ticket, enum err *err, struct err_text *why);
/* Why the chain does not go on (journal_chain), once for each reason. */
bool committer_chain_trouble(struct committer *c, struct err_text *why);
