/* Contexts as commands take them: --context NAME, $PARBUS_CONTEXT, and the default, which parbus join makes. */
#pragma once
#include "context/context.h"
#include "services/parbus/command.h"
#include <parbus/keys.h>

/* A context and the keys in it, as the client library takes them. */
struct named_context {
    bool there;
    struct context context;
    struct parbus_keys keys;
};

/* named: what --context said; NULL: $PARBUS_CONTEXT, and without that the default, when there is one and no pipeline
 * lives in this directory (NULL: it is not looked for). A name with a slash is a file. From here on no core file of
 * this process is written. 0, or else the exit status, said. */
int named_context_read(struct named_context *c, const struct command *command, const char *named,
                       const char *directory);
/* $PARBUS_CONTEXT, or "default". */
const char *named_context_default(void);
/* NULL: no keys. */
const struct parbus_keys *named_context_keys(const struct named_context *c);
void named_context_forget(struct named_context *c);
/* Its file. ERR_INVALID as context_path. */
enum err named_context_path(char path[static PATH_MAX], const char *named, bool make, struct err_text *e);
