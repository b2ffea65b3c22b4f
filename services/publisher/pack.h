/* Answers made of parts that are packed already: one snapshot serves many clients, a ring delta many resumes. */
#pragma once
#include "base/buffer.h"
#include <stdint.h>

/* Appends a length-delimited field; its content is packed already. */
void pack_field(struct buffer *out, uint32_t field, const void *content, size_t bytes);

/* A FromSnapshots of this kind; `request` is field 1 of each of its messages, the rest is packed already. */
void pack_answer(struct buffer *out, uint32_t kind, uint64_t request, const void *rest, size_t bytes);
