/* What the checks ask of processes. */
#pragma once
#include "client/feeder_core.h"
#include "door.pb-c.h"
#include "tests/sim/actor.h"

struct parbus_topic;
struct publisher;
struct wire_message;
struct wire_channel;

struct publisher *publisher_of(struct sim *s, uint64_t *epoch); /* NULL: it is dead, or has not started */
/* What the ingestor tells an operator (D13). false: it is dead, or hangs. */
bool stats_of(struct sim *s, void (*fn)(void *ctx, const Parbus__StatsReply *reply), void *ctx);
uint64_t lag_of(struct sim *s);                      /* UINT64_MAX: the ingestor is dead */
uint64_t sent_of(struct sim *s, uint32_t partition); /* up to which pseq; the ingestor lives */
const struct parbus_topic *topic_of(const struct actor *subscriber, uint32_t series); /* NULL: it is dead */
bool totals_of(const struct actor *feeder, struct parbus_feeder_totals *totals);      /* false: it is dead */

bool tool_satisfied(const struct sim *s);           /* it has nothing to send again any more */
bool officer_satisfied(struct sim *s);              /* everybody is in or out, as it is to be */
struct sim_outbox **feeder_outbox(struct actor *n); /* what is on its disk; NULL: it has none, or never started */
void feeder_promise(struct sim *s, struct actor *n, uint64_t from); /* what is on its disk from there on is safe */
void feeder_forget(struct actor *n); /* what survives its process; anybody else: nothing */

/* Opens what was delivered; a core never sends what cannot be read. */
bool role_open(struct sim *s, const struct actor *n, const struct message *m, const struct wire_channel *channel,
               struct wire_message *out);
/* How many messages a turn takes at most. */
uint32_t role_batch(struct sim *s);
/* Packs and sends. */
enum err role_send(struct sim *s, struct actor *n, int to, enum channel channel, uint32_t kind,
                   const ProtobufCMessage *message);
