/* What the files of the gate share. */
#pragma once
#include "base/map.h"
#include "base/rate.h"
#include "gate/gate.h"
#include <sys/socket.h>

enum gate_reason {
    GATE_IN,
    GATE_GUEST,
    GATE_UNKNOWN_KEY,
    GATE_TOO_MANY_GUESTS,
    GATE_FOREIGN_USER,
    GATE_MISSHAPEN,
    GATE_REASONS
};

enum { ADDRESS_BYTES = 64, ADDRESSES_MAX = 64 };
/* Of those who may be strangers: in a minute, from all addresses and from one; how long they may stay. */
enum { GUESTS_PER_MINUTE = 60, GUESTS_OF_PER_MINUTE = 20, GUEST_ADDRESSES = 256, GUEST_US = 30000000 };

/* Refusals from one address for one reason; not each of them is worth a line. */
struct refused {
    char address[ADDRESS_BYTES];
    enum gate_reason reason;
    uint64_t count, told;
    int64_t told_us;
};

/* A connection by its descriptor, which is used again when it has ended: the other end's address tells. */
struct connection {
    bool open;
    int64_t guest_until_us; /* its key is not known yet; 0: it is */
    uint8_t key[LINK_KEY_BYTES];
    struct sockaddr_storage other;
    socklen_t other_bytes;
};

struct gate {
    struct gate_options o;
    bool invites;
    struct rate guests, guests_of[GUEST_ADDRESSES]; /* in minutes; by hash of address, those who share one share it */
    uid_t owner;
    const struct access *(*access)(void *ctx);
    void *access_ctx;
    uint64_t questions;
    bool (*strangers)(const struct access *a, int64_t wall_ms);
    struct refused refused[ADDRESSES_MAX];
    struct connection *connection; /* by descriptor */
    size_t connections;
    struct map seen; /* connection and source -> the generation in which its key was found to hold */
    uint32_t generation;
    uint64_t changed; /* of the table of rights, when the connections were last looked at */
    int64_t look_us;
    struct context server;
    struct link_security curve;
    uint8_t trial[LINK_KEY_BYTES]; /* a key that nobody knows */
    bool trying, trial_refused, trial_let_in;
};

/* keys.c: a key that holds, might be shown an invitation for, or does neither. */
enum gate_reason gate_judge_key(const struct gate *g, const uint8_t key[static LINK_KEY_BYTES], int64_t wall_ms);
/* Whether there is room for one more guest, which is then taken. */
enum gate_reason gate_take_guest(struct gate *g, const char *address, struct moment now);

/* told.c: counts the refusal, and tells it now and then. */
void gate_refused(struct gate *g, enum gate_reason reason, const char *principal, const char *address,
                  struct moment now);
/* The key of an open connection has ended: counted, and noted. */
void gate_cut(struct gate *g, const uint8_t key[static LINK_KEY_BYTES], const char *address, bool guest);

/* connections.c */
void connections_note(struct gate *g, int fd, const uint8_t key[static LINK_KEY_BYTES], int64_t guest_until_us);
/* Cuts those whose key does not hold any more, and guests whose time is over. Returns how many are open, as far as
 * known. */
unsigned connections_look(struct gate *g, struct moment now);

/* zap.c */
void gate_asked(void *gate, unsigned source, struct link_frames *m, struct moment now);

/* trial.c: OK: a key that nobody knows is refused. */
enum err gate_trial(struct gate *g, struct reactor *r, struct err_text *e);
