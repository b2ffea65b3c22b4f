/* One PUSH socket per scorer endpoint, a source of the reactor from when the first record is for it until none was for
 * a while. */
#pragma once
#include "reactor/reactor.h"

enum { OUTLETS_MAX = 64 };

struct outlets {
    struct reactor *reactor;
    struct outlet {
        char *endpoint;
        unsigned source;
        bool used; /* since outlets_close_unused was called */
    } outlet[OUTLETS_MAX];
    size_t count;
};

/* ERR_BUSY: the queue is full. */
enum err outlets_send(struct outlets *o, const char *endpoint, const Parbus__Verdicts *verdicts, struct err_text *e);
/* Those that nothing was sent to since the call before. */
void outlets_close_unused(struct outlets *o);
/* Before the reactor is closed. */
void outlets_close(struct outlets *o);
