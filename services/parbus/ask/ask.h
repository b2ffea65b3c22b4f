/* A question to a process of the directory, asked again until it is answered: what status, rejects retry and the
 * supervisor's commands have in common. Blocks its thread; link_shutdown stays the caller's. */
#pragma once
#include "base/buffer.h"
#include "base/err.h"
#include "link/link.h"
#include <stdbool.h>
#include <stdint.h>

enum ask_verdict {
    ASK_OTHER, /* not the answer to our question: on with waiting */
    ASK_NEXT,  /* the answer, and there is another question: it goes out at once, with all its time */
    ASK_DONE,
};

struct ask {
    const char *directory, *to;           /* who answers on DIR/run/<to>, over a DEALER; or: */
    const char *endpoint;                 /* … there; NULL: on DIR/run/<to> */
    const struct link_security *security; /* NULL: none */
    int64_t again_us, patience_us;        /* asked again after so long (0: never); given up after so long */
    void *ctx;
    void (*question)(void *ctx, struct buffer *out); /* appends it; called again for each sending */
    enum ask_verdict (*answer)(void *ctx, const void *data, size_t bytes);
    bool (*lives)(
        void *ctx); /* false: nobody is there any more who could answer; looked at often. NULL: not looked at */
};

/* ERR_TIMEOUT: out of patience; ERR_NOT_FOUND: nobody lives there any more: both without a text, for the caller knows
 * whom it asked. Else why the socket could not be opened. */
enum err ask_run(const struct ask *a, struct err_text *e);
