/* A call that can be left in its middle and gone on with later, as a process that hangs. */
#pragma once
#include <stdbool.h>

struct fiber;

struct fiber *fiber_new(void (*run)(void *ctx), void *ctx);
/* Runs it until it pauses or ends. true: it has ended. */
bool fiber_resume(struct fiber *f);
/* From within: back to whoever resumed it. */
void fiber_pause(struct fiber *f);
/* It must have ended. */
void fiber_free(struct fiber **f);
