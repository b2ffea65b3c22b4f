/* From bytes to a checked message and back. The envelope of every channel is a protobuf oneof with exactly one field
 * (PROTOCOL.md, rules W*); it is opened by hand so that the body's bytes stay at hand for the journal. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "base/err.h"
#include "door.pb-c.h"
#include "feed.pb-c.h"
#include "inside.pb-c.h"
#include <stdint.h>

enum {
    WIRE_PROTOCOL_VERSION = 1,
    WIRE_MESSAGE_BYTES_MAX = 2 << 20, /* any channel; ZMQ_MAXMSGSIZE of every socket */
    WIRE_SUBMISSION_BYTES_MAX = 1 << 20,
    WIRE_NAME_BYTES_MAX = 64,  /* feeder, index, period, instance */
    WIRE_UNIT_BYTES_MAX = 256, /* a unit as its feeder writes it */
    WIRE_URI_BYTES_MAX = 2048,
    WIRE_NOTE_BYTES_MAX = 1024,
    WIRE_KEY_BYTES = 32,
    WIRE_INVITATION_BYTES = 16,  /* the token of one */
    WIRE_OVERLAP_DAYS_MAX = 366, /* two keys of one identity, of which one comes for the other */
    WIRE_ROWS_MAX = 16384,       /* rows of one submission */
    WIRE_ROW_WHOLE = 0xffffffff, /* "row" of a reject that concerns the whole submission */
    WIRE_ARENA_BYTES = 64 << 20, /* address space; more than any message within the limits needs */
};

struct wire_channel;
extern const struct wire_channel wire_to_ingestor, wire_to_feeder, wire_to_coordinator, wire_to_worker, wire_to_scorer,
    wire_to_publisher, wire_feed_event, wire_to_snapshots, wire_from_snapshots;

/* What came: a message, or something that could not be read as one (err is not OK). Then kind and message are there as
 * far as they are known: an answer can name what it is about. */
struct wire_message {
    uint32_t kind;                   /* field number in the channel's oneof = PARBUS__TO_..._BODY_...; 0: not known */
    const ProtobufCMessage *message; /* in the arena; cast by kind; NULL: not known */
    const uint8_t *body;             /* the message's own bytes, inside what was opened */
    size_t body_bytes;
    enum err err;
    const char *why; /* a sentence naming the field; "" when err is OK; valid as long as the text it was set from */
};

/* Opens, unpacks into the arena (reset it before) and checks every rule that can be checked without a catalog:
 * lengths, UTF-8, no NUL, column lengths, enum ranges, finite numbers where a message must have them.
 * A submission's values may be NaN or infinite here: that is the validator's to reject, row by row; so is its evidence
 * (rule S8). A feeder's name is the ingestor's to judge (wire_name_ok), since that has a reason of its own.
 * A text that the sender left out is "", never NULL. A message may take 24 times its size when decoded.
 * ERR_INVALID, ERR_TOO_LARGE, ERR_NOMEM (arena) with a sentence naming the field. A message that could be unpacked but
 * breaks a rule is in *out all the same (message not NULL), so that the answer can name its seq. What is returned is in
 * out->err too, out->why points into *e (e NULL: to the code's general sentence). */
enum err wire_open(const struct wire_channel *channel, const void *data, size_t bytes, struct arena *arena,
                   struct wire_message *out, struct err_text *e);

/* Unpacks and checks a body that was opened before (a submission out of the journal). */
enum err wire_open_submission(const uint8_t *body, size_t bytes, struct arena *arena, const Parbus__Submission **out,
                              struct err_text *e);

/* Appends the envelope with `message` as field `kind`. The buffer is not cleared. */
void wire_pack(struct buffer *out, uint32_t kind, const ProtobufCMessage *message);

/* The same in two steps, into memory that the caller has: so many bytes. */
struct wire_packing {
    uint8_t head[20];
    size_t head_bytes, bytes;
};
void wire_pack_plan(struct wire_packing *p, uint32_t kind, const ProtobufCMessage *message);
void wire_pack_write(const struct wire_packing *p, const ProtobufCMessage *message, uint8_t *out);

/* A message that was not read from anywhere. */
#define WIRE_MESSAGE(k, m) (&(struct wire_message){.kind = (k), .message = (m), .why = ""})

/* How a core sends: the member `send` of its io table. To a peer of a source that its owner numbers; never blocks.
 * ERR_BUSY: the queue is full, nothing was sent; whoever needs an answer asks again. ERR_NOT_FOUND: the connection is
 * gone. */
typedef enum err wire_send_fn(void *ctx, unsigned source, uint64_t peer, uint32_t kind, const ProtobufCMessage *m);

/* Well-formed UTF-8 without NUL. */
bool wire_utf8_ok(const char *text, size_t bytes);
/* Turns each byte that is not part of well-formed UTF-8 into a question mark, so that a message may carry a text that
 * was cut off, or the name of a file (W4). */
void wire_utf8_mend(char *text);
/* 1..64 of [A-Za-z0-9._-], the first one no dot: feeder names. They become names of files (an outbox), so none of them
 * may be "..", or hidden. */
bool wire_name_ok(const char *name);
