/* Who works for this ingestor: one slot for each worker, kept under its instance name when it is gone (WORKER_EDGES in
 * coordinator.h; rules I1, I2, I20). It knows nothing of partitions; who gains or loses them is told by
 * coordinator.rebalance. Everything is O(workers), or O(1). */
#pragma once
#include "services/ingestor/coordinator.h"

/* The one of this connection that is alive; or WORKER_NONE. */
int roster_find(const struct coordinator *c, uint64_t peer);
/* A slot for the instance: its own, one of a worker that is gone, or a new one. WORKER_NONE: there are WORKERS_MAX. */
int roster_slot(struct coordinator *c, const char *instance);
/* The only way from one state to another. */
void roster_enter(struct coordinator *c, int w, enum worker_state state);
/* A process that is new here takes the slot, in which nobody is alive. */
void roster_join(struct coordinator *c, int w, const Parbus__WorkerHello *hello, int64_t now_us);
/* It said that it knows the controls up to this one. */
void roster_knows(struct coordinator *c, int w, uint64_t control_seq);
/* What its heartbeat says of itself: trouble and counters. */
void roster_beat(struct worker *worker, const Parbus__Heartbeat *beat);
/* Whose the partition should be: rendezvous hashing (Thaler, Ravishankar 1998), the live worker of that role with the
 * greatest hash of (worker, partition). WORKER_NONE: there is none. */
int16_t roster_choose(const struct coordinator *c, Parbus__Role role, uint32_t partition);
/* What its queue has no room for is counted, and lost. */
void roster_send(struct coordinator *c, int w, uint32_t kind, const ProtobufCMessage *message);
