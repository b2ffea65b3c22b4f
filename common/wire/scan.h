/* What must hold of a message's bytes before they are decoded, driven by the message's descriptor: field lengths,
 * well-formed text without NUL (the decoder would cut it off there), known enum values, wire types. Private to
 * common/wire. */
#pragma once
#include "base/err.h"
#include <protobuf-c/protobuf-c.h>

enum {
    WIRE_TEXT_BYTES_MAX = 4096, /* a text for which rule W3c names no length */
};

/* `name` is how sentences call the message: "submission.unit: 300 bytes, at most 256". ERR_INVALID, ERR_TOO_LARGE. */
enum err wire_scan(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *data, size_t bytes,
                   struct err_text *e);
