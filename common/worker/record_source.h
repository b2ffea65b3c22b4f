/* Where the bytes of a journal record are that a message is about: Work and Verdicts name it by (partition,
 * first_pseq), and validator and scorer read it through this table alone. Today the message carries the bytes; another
 * source may find them elsewhere on the same host, and then the message carries what it needs for that. A worker passes
 * on what the message carried, never what it read.
 *
 * No source copies the bytes, and nobody writes to them. */
#pragma once
#include "base/err.h"
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

struct record_ref {
    uint32_t partition;
    uint64_t first_pseq;
    ProtobufCBinaryData carried; /* the message's field `record` */
};

struct record_bytes {
    const uint8_t *data; /* valid until release; not checked by the source: record_open does that */
    size_t size;
};

struct record_source {
    void *ctx;
    /* The record that begins at first_pseq. May not block. An error says why it cannot be had now; the worker drops the
     * message then, and it comes again (I12). */
    enum err (*get)(void *ctx, const struct record_ref *ref, struct record_bytes *out, struct err_text *e);
    /* Once for each get that was OK, before the worker's receive returns. */
    void (*release)(void *ctx, const struct record_bytes *bytes);
};

/* The bytes are what the message carries, and live as long as it. */
extern const struct record_source record_source_message;
