/* What validator, scorer and publisher share towards the ingestor. */
#pragma once
#include "base/tell.h"
#include "catalog/catalog.h"
#include "tests/sim/actor.h"
#include "worker/worker.h"

/* The `tell` of a worker's core: counted and traced. ctx begins with a struct worker_process. */
tell_fn worker_tell;
struct worker_process {
    struct sim *sim;
    struct actor *actor;
};
/* To the ingestor. */
enum err worker_say(struct sim *s, struct actor *n, uint32_t kind, const ProtobufCMessage *message);
struct worker_config worker_config_of(struct sim *s, struct actor *n, Parbus__Role role, struct catalog *catalog);
