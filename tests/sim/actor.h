/* Processes: what runs, dies, hangs and comes back. */
#pragma once
#include "base/moment.h"
#include "tests/sim/network.h"
#include "tests/sim/rights.h"
#include "worker/bookmark.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACTORS_MAX = LINKS_MAX };

struct arena;
struct fiber;
struct sim;
struct sim_outbox;
struct actor;

/* One kind of process: a core in the simulator's shell. */
struct role {
    const char *name;
    void (*start)(struct sim *s, struct actor *n);
    /* Process death: whatever is only in memory goes. */
    void (*stop)(struct sim *s, struct actor *n);
    /* One turn of its loop: takes messages, acts, returns when it is due again. */
    int64_t (*turn)(struct sim *s, struct actor *n);
    bool on_host; /* shares the machine of journal and state: a power cut takes it */
};
extern const struct role role_ingestor, role_validator, role_scorer, role_publisher, role_feeder, role_subscriber,
    role_tool, role_officer, role_stranger;

struct actor {
    const struct role *role;
    int number; /* in sim.actor */
    char name[16];
    char feeder[16];                         /* feeders: the name by which it pushes; that of another actor: a twin */
    bool alive, gone;                        /* gone: left in good order and does not come back */
    bool leaving, finished;                  /* was told to leave; may end */
    uint32_t life;                           /* incarnation, from 1 */
    uint32_t connection;                     /* to whoever it talks to; another one after each start and reconnection */
    struct proof proof;                      /* who is behind that */
    uint64_t troubles;                       /* that its core told an operator of */
    int64_t wake_us, busy_until_us, back_us; /* back_us: when a dead one is started again */
    int64_t elapsed_us;                      /* of this turn so far: slow stores */
    bool dying;                              /* died within this turn: nothing it does takes effect any more */
    bool dies_after;                         /* … the call it dies in still does */
    int calls_left;                          /* until it dies; -1: it does not */
    int pause_left;                          /* until it hangs; -1: it does not */
    struct fiber *fiber;                     /* the turn that it may hang in; NULL: it will not */
    struct arena *arena;                     /* of that turn */
    bool paused;                             /* it hangs there */
    struct message *first, **last;           /* inbox */
    bool leaves_rest;                        /* what is in it now is not looked at before the turn is due */
    struct bookmark bookmark, died_at;       /* workers: what it is at; what the life before was at when it ended */
    void *process;                           /* the role's own; NULL when not alive */
    int64_t waits_us;                        /* … since when its name has been in use; 0: it is not */
    bool takes_over;                         /* … a person has told it so */
    struct sim_outbox *outbox_copy;          /* feeders: that somebody made; NULL: none */
    void *durable;                           /* feeders: what survives; freed at the end of the run */
};

struct actor *actor_add(struct sim *s, const struct role *role);
void actor_start(struct sim *s, struct actor *n);
/* Starts again after a while, unless it is gone. */
void actor_kill(struct sim *s, struct actor *n, int64_t back_after_us);
void actor_turn(struct sim *s, struct actor *n);
void actor_receive(struct sim *s, struct actor *n, struct message *m);
/* The next message of the inbox; NULL: empty. Give it back with network_release. */
struct message *actor_take(struct actor *n);
/* … that did not come by this channel. */
struct message *actor_take_other(struct actor *n, enum channel but);
int64_t actor_now_us(const struct sim *s, const struct actor *n);
struct moment actor_moment(const struct sim *s, const struct actor *n);

/* A connection as cores know it: a number, never 0. */
uint64_t actor_peer(const struct actor *n, uint32_t connection);
/* NULL: that connection is gone. */
struct actor *actor_of_peer(struct sim *s, uint64_t peer);
struct actor *actor_by_name(struct sim *s, const char *name);
/* Pushes under the name of another one, or another one under its name. */
bool actor_has_twin(const struct sim *s, const struct actor *n);

/* Every call of a core to the outside begins here, and may find itself much later, as in a process that hung. false:
 * the process is dead, nothing happens. */
bool actor_lives(struct sim *s, struct actor *n);
/* … at once: for a call in whose middle nothing can be looked at. */
bool actor_lives_now(struct sim *s, struct actor *n);
/* Hangs in the middle of a call, if it can. true: it did, and lives. */
bool actor_hangs(struct sim *s, struct actor *n, const char *where);
/* Dies within a call: the rest of its turn has no effect. */
void actor_dies(struct actor *n);
/* Hangs within a call until somebody ends it. Only where actor_can_wait. */
void actor_sticks(struct sim *s, struct actor *n);
/* Waits a little; what it waits for has to be looked at again. Only where actor_can_wait. */
void actor_wait(struct sim *s, struct actor *n);
bool actor_can_wait(const struct actor *n);
/* Ends as soon as the turn is over, and starts again: what a shell does that finds its memory outdated. */
void actor_give_up(struct actor *n);
/* First node of a role, NULL; the next after `after`. */
struct actor *actor_of(struct sim *s, const struct role *role, const struct actor *after);
