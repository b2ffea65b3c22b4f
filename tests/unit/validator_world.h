/* The validator's core in a world of memory: it is given records as Work, and what it sends its scorer is kept. */
#pragma once
#include "services/validator/core.h"
#include "wire/wire.h"

struct validator_world {
    struct catalog *catalog; /* small_catalog.h */
    struct validator *core;
    struct buffer record; /* that the next Work carries */
    struct buffer packed; /* the last Verdicts */
    struct arena arena;
    int sent, hellos, troubles, asked;
    enum err send_result;
    char endpoint[64]; /* the last Verdicts went there */
};
extern struct validator_world t;

/* Criterion's init and fini of a suite. */
void validator_world_start(void);
void validator_world_stop(void);

/* The validator is told something by the coordinator. */
void validator_hears(uint32_t kind, const ProtobufCMessage *m, int64_t now_us);
/* Work of partition 4, pseq 100, with t.record as it is … */
void work_as_it_is(int64_t now_us);
/* … sealed for that place. */
void work_at(int64_t now_us);
void work(void);

/* What its scorer would read, for it must always be readable. Valid until the next one. */
const Parbus__Verdicts *verdicts(void);
