/* A source of records that reads them from where this process keeps them, by the name that a message gives: the message
 * carries seven bytes, whatever the record is long. For the tests of validator and scorer. */
#pragma once
#include "base/buffer.h"
#include "worker/record_source.h"

struct elsewhere {
    struct record_source source;
    struct buffer record; /* of (partition, first_pseq) */
    uint32_t partition;
    uint64_t first_pseq;
    int got, released;
    const uint8_t *lent; /* what the last get gave */
};

/* What a message carries instead of the record. */
extern const ProtobufCBinaryData elsewhere_carried;

/* Stays where it is as long as a worker has its source. */
void elsewhere_init(struct elsewhere *s, uint32_t partition, uint64_t first_pseq);
void elsewhere_free(struct elsewhere *s);
