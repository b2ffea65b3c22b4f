#include "tests/sim/outbox.h"
#include "base/err.h"
#include "client/feeder_pack.h"
#include "wire/digest.h"
#include <stdlib.h>
#include <string.h>

struct sim_outbox *sim_outbox_new(uint64_t line)
{
    struct sim_outbox *o = calloc(1, sizeof *o);
    ASSERT(o);
    o->epoch = o->first = 1;
    o->line = line;
    return o;
}

uint64_t sim_outbox_digest(const struct sim_outbox *o, uint64_t seq)
{
    uint64_t digest = o->digest;
    for (uint64_t i = o->first; i <= seq; i++) {
        size_t bytes;
        const struct sim_envelope *e = &o->envelope[i - o->first];
        const uint8_t *body = feeder_pack_body(e->data, e->bytes, &bytes);
        digest = wire_digest(digest, body, bytes);
    }
    return digest;
}

static void drop_first(struct sim_outbox *o, size_t count)
{
    o->digest = sim_outbox_digest(o, o->first + count - 1);
    for (size_t i = 0; i < count; i++) {
        free(o->envelope[i].data);
        o->envelope[i].data = NULL;
    }
    o->count -= count;
    o->first += count;
    if (o->count)
        memmove(o->envelope, o->envelope + count, o->count * sizeof *o->envelope);
}

void sim_outbox_destroy(struct sim_outbox **o)
{
    if (!*o)
        return;
    drop_first(*o, (*o)->count);
    free((*o)->envelope);
    free(*o);
    *o = NULL;
}

void sim_outbox_add(struct sim_outbox *o, const void *envelope, size_t bytes)
{
    if (o->count == o->capacity) {
        o->capacity = o->capacity ? 2 * o->capacity : 32;
        o->envelope = realloc(o->envelope, o->capacity * sizeof *o->envelope);
        ASSERT(o->envelope);
    }
    struct sim_envelope *e = &o->envelope[o->count++];
    *e = (struct sim_envelope){malloc(bytes), bytes};
    ASSERT(e->data);
    memcpy(e->data, envelope, bytes);
}

struct sim_outbox *sim_outbox_copy(const struct sim_outbox *o)
{
    struct sim_outbox *copy = sim_outbox_new(o->line);
    copy->digest = o->digest;
    copy->epoch = o->epoch;
    copy->first = o->first;
    copy->stored = o->stored;
    for (uint64_t seq = o->first; seq <= o->stored; seq++)
        sim_outbox_add(copy, o->envelope[seq - o->first].data, o->envelope[seq - o->first].bytes);
    return copy;
}

void sim_outbox_sync(struct sim_outbox *o)
{
    o->stored = o->first + o->count - 1;
    if (o->settled >= o->first)
        drop_first(o, (size_t)(o->settled - o->first + 1));
}

void sim_outbox_crash(struct sim_outbox *o)
{
    size_t kept = (size_t)(o->stored + 1 - o->first);
    while (o->count > kept)
        free(o->envelope[--o->count].data);
    o->settled = 0;
}

void sim_outbox_renumber(struct sim_outbox *o, uint64_t epoch, uint64_t first)
{
    sim_outbox_sync(o);
    drop_first(o, (size_t)(first - o->first));
    for (size_t i = 0; i < o->count; i++) {
        struct sim_envelope *e = &o->envelope[i];
        size_t skip = feeder_pack_renumber(e->data, e->bytes, i + 1);
        e->bytes -= skip;
        memmove(e->data, e->data + skip, e->bytes);
    }
    o->epoch = epoch;
    o->digest = 0;
    o->first = 1;
    o->stored = o->count;
    o->settled = 0;
}

const struct sim_envelope *sim_outbox_get(const struct sim_outbox *o, uint64_t seq)
{
    return seq >= o->first && seq <= o->stored ? &o->envelope[seq - o->first] : NULL;
}
