/* One PUSH socket per scorer endpoint, opened when the first record is for it, closed when none was for a while. */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { OUTLETS_MAX = 64 };

struct outlets {
    struct outlet {
        char *endpoint;
        void *socket;
        int64_t used_us;
    } outlet[OUTLETS_MAX];
    size_t count;
};

/* ERR_BUSY: the queue is full. */
enum err outlets_send(struct outlets *o, const char *endpoint, const void *data, size_t bytes, int64_t now_us,
                      struct err_text *e);
void outlets_close_unused(struct outlets *o, int64_t now_us);
void outlets_close(struct outlets *o);
