/* A thread that writes, so that whoever hands it something to do goes on while the disk syncs. One errand at a time: it
 * is handed over, and later comes back with what became of it. What an errand is stays with whoever starts the thread:
 * it leaves it in its own memory before errand_give, and does not touch it until errand_take.
 *
 *     errand_give → (errand_fd is readable) → errand_take → errand_give …
 *
 * All functions are for one thread, but for those in errand_options, which the new thread calls; only errand_stop waits
 * for it. Signals go to the other threads. */
#pragma once
#include "base/err.h"
#include "base/states.h"

enum errand_state { ERRAND_NONE, ERRAND_GIVEN, ERRAND_DONE };
#define ERRAND_EDGES(X)                                                                                                \
    X(ERRAND_NONE, ERRAND_GIVEN, "handed over")                                                                        \
    X(ERRAND_GIVEN, ERRAND_DONE, "the thread has done it, or could not")                                               \
    X(ERRAND_DONE, ERRAND_NONE, "taken back")
extern const struct state_machine errand_machine;

struct errand_options {
    const char *what; /* "writes the journal": for texts; lives as long as the thread */
    void *ctx;
    enum err (*run)(void *ctx, struct err_text *e);
    /* While nothing is given: does one thing if it is due, and returns when to be called again, on clock_mono_us;
     * INT64_MAX: not before the next errand. NULL: there is nothing. */
    int64_t (*spare)(void *ctx);
    void (*last)(void *ctx); /* before it ends. NULL: nothing */
};

struct errands;

/* ERR_NOMEM, ERR_IO: no thread or descriptor is to be had; then *t is NULL. */
enum err errand_start(struct errands **t, const struct errand_options *o, struct err_text *e);
/* Waits for the errand under way; what became of it is lost. NULL is fine. */
void errand_stop(struct errands **t);

/* A descriptor that is readable while an errand waits to be taken back. */
int errand_fd(const struct errands *t);
/* One was given and is not taken back: its memory is the thread's. */
bool errand_under_way(struct errands *t);
/* Not while one is under way. */
void errand_give(struct errands *t, uint64_t ticket);
/* false: none is done. *err and *why are of run. */
bool errand_take(struct errands *t, uint64_t *ticket, enum err *err, struct err_text *why);
