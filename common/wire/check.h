/* What must hold of a decoded message beyond its single fields: columns, sequence numbers, counts. Private to
 * common/wire. */
#pragma once
#include "base/err.h"
#include <protobuf-c/protobuf-c.h>

/* ERR_INVALID, ERR_TOO_LARGE; OK for a type that has no rules of its own. */
enum err wire_check(const ProtobufCMessage *message, struct err_text *e);
