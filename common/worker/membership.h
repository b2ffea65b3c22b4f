/* A worker's side of rules I1 and I2: when to say hello, when to send a heartbeat. Pure: time comes in, decisions go
 * out. Used by validator, scorer and publisher. */
#pragma once
#include "base/states.h"

enum membership_state { MEMBERSHIP_STRANGER, MEMBERSHIP_MEMBER };

#define MEMBERSHIP_EDGES(X)                                                                                            \
    X(MEMBERSHIP_STRANGER, MEMBERSHIP_MEMBER, "WorkerWelcome: heartbeats from now on")                                 \
    X(MEMBERSHIP_MEMBER, MEMBERSHIP_STRANGER, "WhoAreYou: hello again")
extern const struct state_machine membership_machine;

enum membership_action { MEMBERSHIP_NOTHING, MEMBERSHIP_HELLO, MEMBERSHIP_HEARTBEAT };

struct membership {
    int64_t heartbeat_us, next_hello_us, next_heartbeat_us;
    uint64_t term; /* of the ingestor that welcomed us; 0: none yet */
    enum membership_state state;
};

void membership_init(struct membership *m, int64_t now_us, int64_t heartbeat_us);
/* What is due now; call until it says NOTHING. */
enum membership_action membership_tick(struct membership *m, int64_t now_us);
/* When to call tick again. */
int64_t membership_deadline_us(const struct membership *m);
/* Returns true when the term is another one than before: the ingestor restarted. */
bool membership_welcome(struct membership *m, uint64_t term, int64_t now_us);
/* A heartbeat is due at once. */
void membership_hurry(struct membership *m, int64_t now_us);
/* WhoAreYou: hello is due at once (at most every 100 ms). */
void membership_unknown(struct membership *m, int64_t now_us);
