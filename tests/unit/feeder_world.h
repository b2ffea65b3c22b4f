/* A world for the feeder's core: a door of the tests' own, a network that loses, repeats, delays and reorders, and a
 * disk. A seed reproduces a run. */
#pragma once
#include "client/feeder_core.h"
#include "wire/wire.h"

enum { FLIGHT_MAX = 8192, STEP_US = 500, IDLE_US = 50000, STORE_MAX = 4096 };

struct network {
    uint32_t loss_percent, repeat_percent, delay_steps_max; /* delay 0: first in, first out */
    struct flight {
        bool to_door;
        int64_t at_us;
        struct buffer bytes;
    } flight[FLIGHT_MAX]; /* in the order of sending */
    unsigned count;
};

struct door {           /* one feeder, written after PROTOCOL.md and not after the feeder */
    uint64_t epoch_max; /* 0: it takes any */
    uint64_t epoch, receipted, last, peer_epoch, refuse_id;
    uint64_t digest, receipted_digest; /* of all up to last, receipted */
    bool hello, echo, gap_told;
    int64_t clock_ms;  /* 0: it does not say */
    bool full;         /* nothing can be stored, which a run of submissions is told once */
    uint64_t came;     /* submissions, however often each */
    bool in_use, free; /* another line has the name; it was given back */
    uint32_t byes;
    int64_t commit_us;
    uint32_t window;
    uint64_t window_bytes; /* 0: it says nothing of bytes */
    uint64_t pending[1024], journal[8192];
    size_t pending_count, journal_count;
};

struct world {
    struct network net;
    struct door door;
    struct feeder_core *core;
    struct arena arena;
    int64_t now_us, wall_ms;
    uint64_t receipt, refused, refusals, renumbered, verdicts, descriptions, troubles;
    Parbus__Reason refusal_reason;
    bool stored, quiet, take_over;
    uint64_t epoch_step;
    struct buffer store[STORE_MAX]; /* by seq */
    uint64_t store_next, store_epoch, store_settled, store_digest;
};

/* A fast network, no store, nothing submitted yet; the caller starts the feeder. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
uint32_t world_draw(uint32_t below);
/* With a store, epoch does not matter: the store has its own. */
void world_start_feeder(struct world *w, uint64_t epoch);
void world_step(struct world *w);
struct moment world_now(const struct world *w);
/* The feeder gets these bytes, whatever they are. */
void world_receive(struct world *w, const void *data, size_t bytes);

/* A submission of one row, whose indicator is the id that the door's journal will hold. */
enum err world_submit(struct world *w, uint32_t id);
/* What was submitted is on the disk, and may be sent. */
void world_sync_store(struct world *w);
bool world_all_settled(const struct world *w);

void assert_each_once_in_order(const struct world *w, uint32_t count);
/* A world without faults, its feeder started. */
struct world *calm(uint64_t epoch);
void steps(struct world *w, int count);

/* What the door says, without being asked. */
void world_answer(struct world *w, uint32_t kind, const ProtobufCMessage *m);
void world_refuse(struct world *w, uint64_t seq, Parbus__Reason reason, const char *detail, uint32_t retry_after_ms);
/* What was not committed is gone, and nobody has said hello. */
void world_door_crash(struct world *w);
