/* The thread that writes state, so that whoever hands it work goes on while the disk syncs. One piece of work at a
 * time: it is handed over, and later comes back with what became of it.
 *
 *     state_writer_give → (state_writer_fd is readable) → state_writer_take → state_writer_give …
 *
 * All functions are for one thread, the one that also reads state; only state_writer_stop waits for the disk. Signals
 * go to the other threads. */
#pragma once
#include "state/state.h"

struct state_writer;

/* ERR_NOMEM, ERR_IO: no thread or descriptor is to be had. */
enum err state_writer_start(struct state_writer **w, struct err_text *e);
/* Waits for the work under way; what became of it is lost. Before the state is closed. */
void state_writer_stop(struct state_writer **w);

/* A descriptor that is readable while work waits to be taken back. */
int state_writer_fd(const struct state_writer *w);
/* To a state that was opened to be written. The work and all behind it stay as they are until it is taken back, but for
 * what state_claim and state_commit set in it. ERR_BUSY: some is under way. */
enum err state_writer_give(struct state_writer *w, struct state *s, struct state_work *work, uint64_t ticket);
/* false: none is done. *err and *why are of state_claim or state_commit. */
bool state_writer_take(struct state_writer *w, uint64_t *ticket, enum err *err, struct err_text *why);
