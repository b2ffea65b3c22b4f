/* An ingestor's world in which workers end at entries: one of each worker, and five submissions of one partition on
 * their way. */
#pragma once
#include "ingestor_world.h"

extern uint32_t of; /* the partition of what was submitted */

/* Criterion's init of a suite; its fini is ingestor_world_stop. */
void poison_world_start(void);

uint64_t counted(enum metric m);
/* A new process of this name, whose predecessor ended at pseq. */
void back(uint64_t peer, Parbus__Role role, const char *instance, uint64_t incarnation, uint32_t partition,
          uint64_t pseq);
void scorer_back(uint64_t incarnation, uint64_t pseq);
void validator_back(uint64_t incarnation, uint64_t pseq);
/* Time for hand-overs; the scorer answers that it has applied so much of each partition. */
void answer_and_take(uint64_t applied);
/* So many scorers, one after the other, end at pseq. */
void kill_scorer_at(uint64_t pseq, uint64_t times);

/* The control of this number, from 0; valid until the next call. */
const Parbus__SetAside *set_aside(size_t control);
/* The last one of the partition that begins at first_pseq; 0: anywhere. */
const Parbus__Work *work_of(uint32_t partition, uint64_t first_pseq);
