/* One message of each kind with every field set, made from the descriptors, so that a new field cannot be forgotten. A
 * value follows from the names of message and field alone: renumbering or retyping a field changes the bytes. */
#pragma once
#include "base/arena.h"
#include "wire/wire.h"

struct golden_channel {
    const char *name; /* "to_ingestor": first part of the file names */
    const ProtobufCMessageDescriptor *envelope;
    const struct wire_channel *channel; /* NULL: not on the wire (control records, kept in the journal) */
};
extern const struct golden_channel golden_channels[];
extern const unsigned golden_channel_count;

/* An envelope with `kind` in its oneof; lives in the arena. */
ProtobufCMessage *golden_sample(const ProtobufCMessageDescriptor *envelope, uint32_t kind, struct arena *arena);
/* The message inside. */
const ProtobufCMessage *golden_body(const ProtobufCMessage *envelope, const ProtobufCFieldDescriptor *kind);

/* Calls fn for each kind of each channel. */
void golden_each(void (*fn)(void *ctx, const struct golden_channel *channel, const ProtobufCFieldDescriptor *kind),
                 void *ctx);
