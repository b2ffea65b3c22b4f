/* A submission in its envelope, packed by hand: the bytes are those of wire_pack, at memory speed. A feeder packs each
 * submission once, where it stays until it has its receipt. Pure. */
#pragma once
#include "base/err.h"
#include "door.pb-c.h"
#include <stddef.h>
#include <stdint.h>

/* What the door would refuse or the validator could not read (rules W3, W4, W6, S1, S8): ERR_INVALID, ERR_TOO_LARGE
 * with a sentence. Whether unit, indicator or value make sense is not looked at. */
enum err feeder_pack_check(const Parbus__Submission *s, uint32_t rows_max, struct err_text *e);

struct feeder_pack_plan { /* lengths of the parts, found once */
    size_t index, period, unit, indicators, row_times, evidence, body, envelope;
};
/* Returns the bytes of the envelope. */
size_t feeder_pack_plan(struct feeder_pack_plan *plan, const Parbus__Submission *s);
/* out has room for plan->envelope bytes. */
void feeder_pack_write(const struct feeder_pack_plan *plan, const Parbus__Submission *s, uint8_t *out);

/* The seq of an envelope that was packed here; 0: it is not one, or damaged. */
uint64_t feeder_pack_seq(const uint8_t *data, size_t bytes);
/* The submission in an envelope that was packed here. */
const uint8_t *feeder_pack_body(const uint8_t *data, size_t bytes, size_t *body_bytes);
/* Gives a packed envelope another seq, not greater than the one it has (feeder_pack_seq). Writes in place, at the end
 * of the same room; returns how many bytes the envelope became shorter: it now begins that far into `data`. */
size_t feeder_pack_renumber(uint8_t *data, size_t bytes, uint64_t seq);
