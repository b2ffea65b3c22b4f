#include "tests/sim/roles.h"
#include "tests/sim/sim.h"
#include "wire/wire.h"

bool role_open(struct sim *s, const struct actor *n, const struct message *m, const struct wire_channel *channel,
               struct wire_message *out)
{
    struct err_text e = {""};
    struct arena *arena = n->arena ? n->arena : &s->arena;
    arena_reset(arena);
    *out = (struct wire_message){0};
    enum err err = wire_open(channel, m->data, m->bytes, arena, out, &e);
    if (err)
        sim_fail(s, "%s got a message on channel %s that cannot be read: %s", n->name, channel_name(m->channel),
                 e.text);
    else
        trace_note(s, n->name, "gets kind %lu from node %lu, channel %lu", out->kind, (uint64_t)m->from, m->channel, 0);
    return err == OK;
}

uint32_t role_batch(struct sim *s) { return rng_below(&s->rng, 2) ? 1 : 1 + rng_below(&s->rng, 64); }

enum err role_send(struct sim *s, struct actor *n, int to, enum channel channel, uint32_t kind,
                   const ProtobufCMessage *message)
{
    buffer_clear(&s->out);
    wire_pack(&s->out, kind, message);
    return network_send(s, n, to, channel, 0, s->out.data, s->out.size);
}
