/* What validator, scorer and publisher share towards the ingestor. */
#pragma once
#include "catalog/catalog.h"
#include "tests/sim/actor.h"
#include "worker/worker.h"

/* To the ingestor. */
enum err worker_say(struct sim *s, struct actor *n, uint32_t kind, const ProtobufCMessage *message);
struct worker_config worker_config_of(struct sim *s, struct actor *n, Parbus__Role role, struct catalog *catalog);
