/* A peer that says anything: well-formed messages with whatever values, small numbers, great ones and those that it was
 * told of. For tests that a core takes what a peer says for an error and never for a bug of its own. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "wire/wire.h"

enum { LIAR_HINTS_MAX = 8 };

struct liar {
    uint64_t state; /* of its random numbers; begin with a seed */
    uint64_t hint[LIAR_HINTS_MAX];
    size_t hint_count;
    struct arena draft, opened;
    struct buffer packed;
};

void liar_init(struct liar *l, uint64_t seed);
void liar_free(struct liar *l);
uint64_t liar_below(struct liar *l, uint64_t below);
/* Any message of the channel that keeps to the rules of the wire. Valid until the next one. */
void liar_say(struct liar *l, const struct wire_channel *channel, const ProtobufCMessageDescriptor *envelope,
              struct wire_message *m);
