/* The options of a push, as `parbus push` and `parbus feeder run` take them. */
#pragma once
#include "services/parbus/command.h"
#include "services/parbus/keys/keys.h"
#include "services/parbus/push/push.h"

struct push_arguments {
    struct push_options options; /* file: what stands behind the options */
    const char *watch;           /* a directory; NULL: not said */
    const char *context;
    struct named_context named;
};
/* 0, or else the exit status, said. Points into argv. */
int push_arguments_take(struct push_arguments *a, const struct command *command, int argc, char **argv,
                        const char *directory);
/* Door, keys and the feeder's name that were not said are the context's. named_context_forget(&a->named) afterwards. */
int push_arguments_context(struct push_arguments *a, const struct command *command);
