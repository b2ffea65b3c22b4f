/* What validator, scorer and publisher share: a catalog that follows the journal. */
#pragma once
#include "catalog/catalog.h"
#include "tests/sim/actor.h"
#include "worker/worker.h"

/* Applies the journal's controls that the catalog has not. ERR_NOT_FOUND: the journal has fewer than `needed`. */
enum err worker_catch_up(struct sim *s, struct actor *n, struct catalog *catalog, uint64_t needed, struct err_text *e);
/* To the ingestor. */
enum err worker_say(struct sim *s, struct actor *n, uint32_t kind, const ProtobufCMessage *message);
struct worker_config worker_config_of(struct sim *s, struct actor *n, Parbus__Role role);
