/* What keeps the pipeline from doing its work, by what the ingestor knows (rule D13). */
#pragma once
/* What to do about a process that is held back; its instance is the argument. */
#define HELD_ADVICE                                                                                                    \
    "log/%s.log says which. Put it right ('parbus verify' says what is damaged, 'parbus restore' takes a journal "     \
    "from "                                                                                                            \
    "a backup, with nothing running); then 'parbus up', also while the others run: it is not started again by itself"
#include "door.pb-c.h"
#include <stddef.h>

/* Calls fn with a sentence for each thing that is wrong, and returns how many there are; 0: all is well. */
typedef void health_fn(void *ctx, const char *sentence);
size_t health_check(const Parbus__StatsReply *reply, health_fn *fn, void *ctx);
