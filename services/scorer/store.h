/* State behind the scorer's core: read here, written by a thread of its own. Used by the scorer and by replay. */
#pragma once
#include "services/scorer/core.h"
#include "state/writer.h"

struct scorer_store {
    const char *directory; /* the <dir> of the state, which is made when it is missing; the caller's */
    const struct settings *settings;
    struct state *state;         /* NULL: not opened yet */
    struct state_writer *writer; /* its descriptor can be read when there is something for scorer_store_deliver */
};

/* Before the core is made; state itself is opened by the core. ERR_NOMEM, ERR_IO. */
enum err scorer_store_start(struct scorer_store *s, struct err_text *e);
/* Waits for what is being written; what became of it is lost. */
void scorer_store_close(struct scorer_store *s);
/* Tells the core what became of what it handed over, if anything has. */
void scorer_store_deliver(struct scorer_store *s, struct scorer *core, struct moment now);
/* … waiting for it, for those who have nothing else to do meanwhile: replay, and the scorer after its last turn. Only
 * while something is under way. ERR_TIMEOUT: the disk does not answer; scorer_store_close, which waits for it without
 * an end, is then all that is left, and whoever reads the text knows why. */
enum { SCORER_STORE_WAIT_S = 60 };
enum err scorer_store_wait(struct scorer_store *s, struct scorer *core, struct moment now, struct err_text *e);

/* ctx: struct scorer_store. */
extern const struct scorer_store_io scorer_store_functions;
