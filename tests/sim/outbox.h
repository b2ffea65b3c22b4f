/* A feeder's outbox on a disk of the simulator: what was synced survives the process. */
#pragma once
#include "base/buffer.h"
#include <stddef.h>
#include <stdint.h>

struct sim_outbox {
    uint64_t epoch, first, stored; /* on disk: first .. stored */
    uint64_t line, digest;         /* digest: of all before `first` */
    struct sim_envelope {
        uint8_t *data;
        size_t bytes;
    } * envelope; /* by seq - first; behind `stored`: not synced yet */
    size_t count, capacity;
    uint64_t settled; /* may be taken out with the next sync */
};

struct sim_outbox *sim_outbox_new(uint64_t line);
void sim_outbox_destroy(struct sim_outbox **o);
/* What is on the disk. */
struct sim_outbox *sim_outbox_copy(const struct sim_outbox *o);
void sim_outbox_add(struct sim_outbox *o, const void *envelope, size_t bytes);
void sim_outbox_sync(struct sim_outbox *o);
/* The process is gone, and what it had not synced. */
void sim_outbox_crash(struct sim_outbox *o);
void sim_outbox_renumber(struct sim_outbox *o, uint64_t epoch, uint64_t first);
/* Of all up to seq, which is on disk or the last one taken out. */
uint64_t sim_outbox_digest(const struct sim_outbox *o, uint64_t seq);
/* NULL: not there. */
const struct sim_envelope *sim_outbox_get(const struct sim_outbox *o, uint64_t seq);
