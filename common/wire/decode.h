/* The straight way from bytes to a submission, for the shape in which every encoder writes it: known fields in
 * ascending order, columns packed, no evidence. It is what the hot path lives on: a third of the general decoder's
 * time. Private to common/wire. */
#pragma once
#include "base/arena.h"
#include "door.pb-c.h"

/* NULL, with the arena as it was: another shape, or a fault. The general way (scan, unpack) then gives the same
 * submission, or the reason; what this way gives has passed wire_scan's rules (a fuzz test compares the two). */
Parbus__Submission *wire_decode_submission(const uint8_t *body, size_t bytes, struct arena *arena);
