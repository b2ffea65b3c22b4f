#include "elsewhere.h"
#include <string.h>

const ProtobufCBinaryData elsewhere_carried = {7, (uint8_t *)"by name"};

static enum err get(void *ctx, const struct record_ref *ref, struct record_bytes *out, struct err_text *e)
{
    struct elsewhere *s = ctx;
    if (ref->partition != s->partition || ref->first_pseq != s->first_pseq)
        return err_set(e, ERR_NOT_FOUND, "no record begins there");
    ASSERT(ref->carried.len == elsewhere_carried.len &&
           memcmp(ref->carried.data, elsewhere_carried.data, ref->carried.len) == 0);
    s->got++;
    s->lent = s->record.data;
    *out = (struct record_bytes){s->record.data, s->record.size};
    return OK;
}

static void release(void *ctx, const struct record_bytes *bytes)
{
    struct elsewhere *s = ctx;
    ASSERT(bytes->data == s->lent && bytes->size == s->record.size);
    s->released++;
}

void elsewhere_init(struct elsewhere *s, uint32_t partition, uint64_t first_pseq)
{
    *s = (struct elsewhere){.source = {s, get, release}, .partition = partition, .first_pseq = first_pseq};
}

void elsewhere_free(struct elsewhere *s) { buffer_free(&s->record); }
