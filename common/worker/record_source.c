#include "worker/record_source.h"

static enum err get(void *ctx, const struct record_ref *ref, struct record_bytes *out, struct err_text *e)
{
    (void)ctx, (void)e;
    *out = (struct record_bytes){ref->carried.data, ref->carried.len};
    return OK;
}

static void release(void *ctx, const struct record_bytes *bytes) { (void)ctx, (void)bytes; }

const struct record_source record_source_message = {NULL, get, release};
